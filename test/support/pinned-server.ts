// Decides how a test gets a server whose list of tools is what the test says, and which tells of a change of it.
import type { ServerResponse } from 'node:http';
import type { Json } from '../../core/json.ts';
import { eventOf, type RawServer, resultOf, startRawServer } from './raw-server.ts';

export type ListedTool = { readonly name: string } & Readonly<Record<string, Json>>;

export interface ToolsServer {
  readonly server: RawServer;
  /** It lists these from now on, and says so. */
  list(...tools: readonly ListedTool[]): void;
  /** The arguments of the calls that reached it, as they came. */
  called(): readonly string[];
  close(): Promise<void>;
}

const CHANGED = '{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}';

export async function startToolsServer(name: string, ...first: readonly ListedTool[]): Promise<ToolsServer> {
  let tools = first;
  const streams = new Set<ServerResponse>();
  const server = await startRawServer(name, {
    capabilities: '{"tools":{"listChanged":true}}',
    answers: {
      'tools/list': ({ idText, response }) =>
        void response
          .writeHead(200, { 'content-type': 'application/json' })
          .end(resultOf(idText, JSON.stringify({ tools }))),
      'tools/call': '{"content":[{"type":"text","text":"done"}]}',
    },
    stream: (_, response) => {
      streams.add(response);
      response.flushHeaders();
      response.once('close', () => streams.delete(response));
    },
  });
  return {
    server,
    list(...next) {
      tools = next;
      for (const stream of streams) stream.write(eventOf(CHANGED));
    },
    called: () =>
      server.bodies('"tools/call"').map((body) => {
        const { params } = JSON.parse(body) as { params: { arguments?: object } };
        return JSON.stringify(params.arguments ?? {});
      }),
    close: () => server.close(),
  };
}
