// Decides how Envoy's stateful_session envelope around a backend session id is read and made: `base64(address);UV:base64(id)`.

export interface Envelope {
  /** The replica's address as Envoy prints it: `127.0.0.1:3001`, or the path of a Unix socket. */
  readonly address: string;
  readonly sessionId: string;
}

const SEPARATOR = ';UV:';

/** null when the value is no envelope (a plain session id). Total. */
export function openEnvelope(value: string): Envelope | null {
  const cut = value.indexOf(SEPARATOR);
  if (cut <= 0) return null;
  const address = Buffer.from(value.slice(0, cut), 'base64').toString();
  const sessionId = Buffer.from(value.slice(cut + SEPARATOR.length), 'base64').toString();
  return { address, sessionId };
}

export function sealEnvelope(address: string, sessionId: string): string {
  return `${Buffer.from(address).toString('base64')}${SEPARATOR}${Buffer.from(sessionId).toString('base64')}`;
}
