// Decides how the fake MCP server is reached: bare HTTP/1.1 on a socket, as cheap as it can be.
import { createServer, type Server, type Socket } from 'node:net';
import type { createFakeMcp } from './fake-mcp.ts';
import { HttpReader } from './http-reader.ts';

/** Resolves when it listens; several listeners may share one `answer`, and so its sessions. */
export function listen(
  answer: ReturnType<typeof createFakeMcp>,
  where: { readonly path: string } | { readonly host: string; readonly port: number },
): Promise<Server> {
  const serve = (socket: Socket): void => {
    const reader = new HttpReader('request', (head, body) => {
      socket.write(answer(head, body), 'latin1');
    });
    socket.on('data', (chunk) => {
      if (reader.push(chunk) !== null) socket.destroy();
    });
    // A client may vanish at any time; what it wanted is of no interest then.
    socket.on('error', () => {});
  };
  return new Promise((resolve, reject) => {
    const server = createServer({ noDelay: true }, serve);
    server.on('error', reject);
    server.listen(where, () => resolve(server));
  });
}
