// Decides how the address of an endpoint is written.

export interface EndpointAddress {
  readonly kind: 'tcp' | 'unix';
  readonly tls: boolean;
  /** Host name or IP address without brackets; the socket's path or name for `unix`. */
  readonly host: string;
  /** 0 for `unix`. */
  readonly port: number;
  /** Begins with a slash. */
  readonly path: string;
  /** What goes into the Host header, e.g. `api.example.com:8443`. */
  readonly authority: string;
}

/** Reads an endpoint's URL; null when it is none of the forms. Total. */
export function parseEndpoint(text: string): EndpointAddress | null {
  if (text.startsWith('unix:')) {
    const match = /^unix:([A-Za-z0-9._/@-]+):(\/[!-~]*)$/.exec(text);
    if (match === null || match[1]!.split('/').includes('..')) return null;
    return { kind: 'unix', tls: false, host: match[1]!, port: 0, path: match[2]!, authority: 'localhost' };
  }
  // What WHATWG's parser mends (`http:///mcp` becomes the host "mcp", a backslash a slash) others read otherwise.
  if (!/^https?:\/\/[^/\\][!-~]*$/.test(text) || text.includes('\\') || !URL.canParse(text)) return null;
  const url = new URL(text);
  if (url.username !== '' || url.password !== '' || url.hash !== '' || url.search !== '') return null;
  const tls = url.protocol === 'https:';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (host === '') return null;
  const port = url.port === '' ? (tls ? 443 : 80) : Number(url.port);
  if (port === 0) return null;
  return { kind: 'tcp', tls, host, port, path: url.pathname, authority: url.host };
}
