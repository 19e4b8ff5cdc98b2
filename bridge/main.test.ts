import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import {
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type sendUnaryData,
  type UntypedHandleCall,
} from '@grpc/grpc-js';
import { describe, expect, test } from 'vitest';
import type { StdioServer } from '../core/catalog/catalog.ts';
import { bridgeSocket, OWN_TYPES, SOCKETS } from '../core/contract.ts';
import { DELTA_ADS, type DeltaRequest, type DeltaResponse, encodeDocument } from '../core/grpc/ads.ts';
import { LIFELINE_VARIABLE } from '../core/runtime/process.ts';
import { FIXTURE, processesMentioning, TestSession } from './fixtures/harness.ts';

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));

/** A control plane that serves these definitions, and nothing else. */
async function serveDefinitions(socket: string, definitions: readonly StdioServer[]): Promise<Server> {
  const server = new Server();
  const stream = (call: ServerDuplexStream<DeltaRequest, DeltaResponse>): void => {
    let sent = false;
    call.on('data', (request: DeltaRequest) => {
      if (sent || request.typeUrl !== OWN_TYPES.stdioServer || request.node?.cluster !== 'bridge') return;
      sent = true;
      const resources = definitions.map((definition) => ({
        name: definition.server,
        version: '1',
        bytes: encodeDocument(JSON.stringify(definition)),
      }));
      call.write({ typeUrl: request.typeUrl, version: '1', nonce: '1', resources, removed: [] });
    });
    call.on('end', () => call.end());
    call.on('error', () => {});
  };
  server.addService({ DeltaAggregatedResources: DELTA_ADS }, { DeltaAggregatedResources: stream as UntypedHandleCall });
  await new Promise<void>((resolve, reject) => {
    const bound: sendUnaryData<number> = (error) => (error ? reject(error) : resolve());
    server.bindAsync(`unix:${socket}`, ServerCredentials.createInsecure(), (error, port) => bound(error, port));
  });
  return server;
}

/** The process with one session open whose child has a child; `folder` occurs in the environment of both. */
async function startMain(start: string) {
  const folder = mkdtempSync(join(tmpdir(), 'bridge-'));
  const definition: StdioServer = {
    server: 'hostile',
    version: '1',
    socket: join(folder, bridgeSocket('hostile', '1')),
    command: 'node',
    args: [FIXTURE, start],
    env: { MARK: folder },
  };
  const ads = await serveDefinitions(join(folder, SOCKETS.ads), [definition]);
  const { PATH, HOME } = process.env;
  const env = {
    PATH,
    HOME,
    CHANCERY_HOME: folder,
    CHANCERY_RUN_DIR: folder,
    SECRET: 'x',
    [LIFELINE_VARIABLE]: 'stdin',
  };
  const main = spawn(process.execPath, [MAIN], { stdio: ['pipe', 'ignore', 'pipe'], env, cwd: folder });
  const exited = once(main, 'exit') as Promise<[number | null, string | null]>;
  await loggedBy(main, 'bridging');
  const session = await TestSession.open(definition.socket);
  await session.result(1, 'grandchild');
  return {
    main,
    exited,
    session,
    folder,
    left: () => processesMentioning(`MARK=${folder}`),
    stop: () => {
      ads.forceShutdown();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function loggedBy(main: ChildProcess, msg: string): Promise<void> {
  const lines = createInterface({ input: main.stderr! });
  return new Promise((resolve, reject) => {
    lines.on('line', (line) => line.includes(`"msg":"${msg}"`) && resolve());
    main.once('exit', (code) => reject(new Error(`the bridge ended with status ${code}`)));
  });
}

const ENDS: readonly [sentence: string, start: string, end: (main: ChildProcess) => void][] = [
  ['SIGTERM, with a child that ignores it', 'stubborn', (main) => void main.kill('SIGTERM')],
  ['the end of its standard input: its parent is gone', 'polite', (main) => main.stdin?.end()],
];

describe.concurrent('the bridge process', () => {
  test.each(ENDS)(
    'on %s it exits with 0, and leaves neither child, grandchild nor socket',
    async (_sentence, start, end) => {
      const { main, exited, session, folder, left, stop } = await startMain(start);
      expect(left()).toHaveLength(2);
      expect((await session.result(2, 'environment')).result?.env).toEqual({
        PATH: process.env.PATH,
        HOME: process.env.HOME,
        MARK: folder,
      });
      end(main);
      expect(await exited).toEqual([0, null]);
      expect(left()).toEqual([]);
      expect(readdirSync(folder).filter((name) => name.startsWith('bridge-'))).toEqual([]);
      stop();
    },
  );
});
