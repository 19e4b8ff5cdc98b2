// Decides what the bench's fake MCP server answers: the legacy era over streamable HTTP, with a result of constant size.
import { randomUUID } from 'node:crypto';
import { BOUNDS } from './bounds.ts';

/** The server's own name of the tool that is called. A call by any other name is an error, so a wrong rewrite shows. */
export const TOOL = 'echo';
const OTHER_TOOLS = ['list', 'read', 'write', 'delete'];
const VERSIONS = ['2025-03-26', '2025-06-18', '2025-11-25'];
const LATEST = '2025-11-25';

const SESSION = /\r\nmcp-session-id:[ \t]*([^\r]*)\r\n/i;
/** The form in which the generator writes a call, and in which a gateway leaves it that changes the name only. */
const CALL =
  /^\{"jsonrpc":"2\.0","id":(\d+),"method":"tools\/call","params":\{"name":"([^"\\]*)","arguments":\{"text":"/;
const CALL_START_BYTES = 256;
const CALL_END = '"}}}';

interface Reply {
  readonly status?: string;
  readonly headers?: string;
  /** Absent: no body. */
  readonly body?: unknown;
}

/** What a `tools/call` whose text has `bytes` bytes is answered with; always of the same length. */
export function resultText(bytes: number): string {
  return String(bytes).padStart(8, '0');
}

/** What the server answers to one request, as the whole HTTP response in latin1. */
export function createFakeMcp(newSessionId: () => string = randomUUID): (head: string, body: Buffer) => string {
  const sessions = new Set<string>();
  const has = (head: string): boolean => sessions.has(SESSION.exec(head)?.[1] ?? '');

  const answer = (head: string, message: { readonly [member: string]: unknown }): Reply => {
    const { id, method, params } = message;
    const { protocolVersion, name, arguments: args } = (params ?? {}) as { readonly [member: string]: unknown };
    if (method === 'initialize') {
      if (sessions.size >= BOUNDS.backendSessionsMax) return { status: '503 Service Unavailable' };
      const sessionId = newSessionId();
      sessions.add(sessionId);
      const version =
        typeof protocolVersion === 'string' && VERSIONS.includes(protocolVersion) ? protocolVersion : LATEST;
      const result = {
        protocolVersion: version,
        capabilities: { tools: {} },
        serverInfo: { name: 'bench', version: '1' },
      };
      return { headers: `mcp-session-id: ${sessionId}\r\n`, body: { jsonrpc: '2.0', id, result } };
    }
    if (!SESSION.test(head)) return refusal('400 Bad Request', id, 'the Mcp-Session-Id header is required');
    if (!has(head)) return refusal('404 Not Found', id, 'session not found');
    if (id === undefined) return { status: '202 Accepted' };
    if (method === 'ping') return { body: { jsonrpc: '2.0', id, result: {} } };
    if (method === 'tools/list')
      return { body: { jsonrpc: '2.0', id, result: { tools: [TOOL, ...OTHER_TOOLS].map(tool) } } };
    if (method !== 'tools/call')
      return { body: { jsonrpc: '2.0', id, error: { code: -32601, message: 'method not found' } } };
    const text = (args as { text?: unknown } | undefined)?.text;
    if (name !== TOOL || typeof text !== 'string') {
      return {
        body: {
          jsonrpc: '2.0',
          id,
          error: { code: -32602, message: `no tool ${JSON.stringify(name)} with these arguments` },
        },
      };
    }
    return {
      body: { jsonrpc: '2.0', id, result: { content: [{ type: 'text', text: resultText(Buffer.byteLength(text)) }] } },
    };
  };

  return (head, body) => {
    if (head.startsWith('POST ')) {
      const start = body.toString('latin1', 0, CALL_START_BYTES);
      const call = CALL.exec(start);
      if (
        call !== null &&
        call[2] === TOOL &&
        body.toString('latin1', body.length - CALL_END.length) === CALL_END &&
        has(head)
      ) {
        return callAnswer(call[1]!, body.length - call[0].length - CALL_END.length);
      }
      return text(answer(head, parse(body)));
    }
    if (!head.startsWith('DELETE '))
      return text({ status: '405 Method Not Allowed', headers: 'allow: POST, DELETE\r\n' });
    return text(
      sessions.delete(SESSION.exec(head)?.[1] ?? '') ? { status: '204 No Content' } : { status: '404 Not Found' },
    );
  };
}

const CALL_TAIL = (bytes: number): string => `,"result":{"content":[{"type":"text","text":"${resultText(bytes)}"}]}}`;

/** The same bytes as a result that JSON.stringify wrote. */
function callAnswer(id: string, bytes: number): string {
  const tail = CALL_TAIL(bytes);
  const length = 22 + id.length + tail.length;
  return `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n\r\n{"jsonrpc":"2.0","id":${id}${tail}`;
}

function text({ status = '200 OK', headers = '', body }: Reply): string {
  if (status.startsWith('204')) return `HTTP/1.1 ${status}\r\n${headers}\r\n`;
  if (body === undefined) return `HTTP/1.1 ${status}\r\n${headers}content-length: 0\r\n\r\n`;
  const json = Buffer.from(JSON.stringify(body)).toString('latin1');
  return `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\n${headers}content-length: ${json.length}\r\n\r\n${json}`;
}

function refusal(status: string, id: unknown, message: string): Reply {
  return { status, body: { jsonrpc: '2.0', id: id ?? null, error: { code: -32000, message } } };
}

function tool(name: string): object {
  const inputSchema = { type: 'object', properties: { text: { type: 'string' } }, required: ['text'] };
  return { name, description: `The bench's tool ${name}.`, inputSchema };
}

function parse(body: Buffer): { readonly [member: string]: unknown } {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    return typeof value === 'object' && value !== null ? (value as { readonly [member: string]: unknown }) : {};
  } catch {
    return {};
  }
}
