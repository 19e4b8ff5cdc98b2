// Decides how the bench opens the sessions that it calls in: as a client of the legacy era does.
import { BOUNDS } from './bounds.ts';
import { LOOPBACK, PROTOCOL_VERSION, type Target } from './load-order.ts';

const WIDTH = 8;

/** Opens `count` sessions; @throws when one is refused, with status and the start of the answer. */
export async function openSessions(target: Target, count: number): Promise<readonly string[]> {
  const sessions: string[] = [];
  const worker = async (): Promise<void> => {
    while (sessions.length < count) {
      const at = sessions.push('') - 1;
      sessions[at] = await openSession(target);
    }
  };
  await Promise.all(Array.from({ length: Math.min(WIDTH, count) }, worker));
  return sessions;
}

async function openSession(target: Target): Promise<string> {
  const params = { protocolVersion: PROTOCOL_VERSION, capabilities: {}, clientInfo: { name: 'bench', version: '1' } };
  const opened = await post(target, '', { jsonrpc: '2.0', id: 1, method: 'initialize', params });
  const session = opened.headers.get('mcp-session-id');
  if (session === null) throw new Error(`initialize was answered with no session: ${opened.text}`);
  await post(target, session, { jsonrpc: '2.0', method: 'notifications/initialized' });
  return session;
}

/** Names of the tools that a session is shown. */
export async function listTools(target: Target, session: string): Promise<readonly string[]> {
  const { text } = await post(target, session, { jsonrpc: '2.0', id: 2, method: 'tools/list' });
  const { result } = JSON.parse(text) as {
    readonly result?: { readonly tools?: readonly { readonly name: string }[] };
  };
  return (result?.tools ?? []).map(({ name }) => name);
}

async function post(target: Target, session: string, message: object): Promise<{ headers: Headers; text: string }> {
  const response = await fetch(`http://${LOOPBACK}:${target.port}${target.path}`, {
    method: 'POST',
    headers: {
      ...target.headers,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': PROTOCOL_VERSION,
      ...(session === '' ? {} : { 'mcp-session-id': session }),
    },
    body: JSON.stringify(message),
    signal: AbortSignal.timeout(BOUNDS.requestDeadlineMs),
  });
  const text = await response.text();
  if (!response.ok)
    throw new Error(`found status ${response.status}, wanted 2xx: ${text.slice(0, BOUNDS.failureCharsMax)}`);
  return { headers: response.headers, text };
}
