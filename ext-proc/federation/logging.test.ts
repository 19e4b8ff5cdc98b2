import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  answered,
  catalogOf,
  discoveredOf,
  messageOf,
  readAs,
  request,
  serverOf,
  sessionCallOf,
  unreachable,
  type World,
  worldOf,
} from '../../test/support/ext-proc-world.ts';
import type { Outcome } from '../outcome.ts';
import { setLevel } from './logging.ts';

const logs = (name: string, tools: readonly string[]) =>
  readAs(name, tools, { capabilities: { ...discoveredOf(name, tools).capabilities, logging: {} } });

let world: World;
beforeEach(() => {
  world = worldOf();
  world.catalog = catalogOf({ servers: [logs('memory', ['read_graph']), logs('files', ['read'])] });
  world.backend = () => answered({});
});
afterEach(() => world.close());

const set = (params: object): Promise<Outcome> =>
  setLevel(sessionCallOf(world, messageOf(request('logging/setLevel', params, 'seven'))));
const bodyOf = (outcome: Outcome): unknown =>
  outcome.kind === 'immediate' ? JSON.parse(outcome.answer.body.toString()) : outcome.kind;
const DONE = { jsonrpc: '2.0', id: 'seven', result: {} };

describe('a log level', () => {
  test('is told to every backend that logs, in its own session', async () => {
    expect(bodyOf(await set({ level: 'error' }))).toEqual(DONE);
    expect(world.sent.map(({ cluster, sessionId }) => [cluster, sessionId])).toEqual([
      ['mcp.memory.1', 'memory-session'],
      ['mcp.files.1', 'files-session'],
    ]);
    expect(JSON.parse(world.sent[0]!.body!)).toMatchObject({ method: 'logging/setLevel', params: { level: 'error' } });
  });
  test('is not told to one that does not', async () => {
    world.catalog = catalogOf({ servers: [logs('memory', ['read_graph']), serverOf('files', ['read'])] });
    expect(bodyOf(await set({ level: 'error' }))).toEqual(DONE);
    expect(world.sent.map(({ cluster }) => cluster)).toEqual(['mcp.memory.1']);
  });
  test('is set although one of them fails', async () => {
    world.backend = ({ cluster }) => (cluster === 'mcp.memory.1' ? unreachable : answered({}));
    expect(bodyOf(await set({ level: 'error' }))).toEqual(DONE);
  });
  test('that nobody took is an error', async () => {
    world.backend = () => unreachable;
    expect(bodyOf(await set({ level: 'error' }))).toMatchObject({ id: 'seven', error: { code: -32000 } });
  });
  test.each([[{}], [{ level: 'loud' }], [{ level: 3 }]])('%j is refused, and nobody is told', async (params) => {
    expect(bodyOf(await set(params))).toMatchObject({ error: { code: -32602 } });
    expect(world.sent).toEqual([]);
  });
  test('is an unknown method where no server logs', async () => {
    world.catalog = catalogOf();
    expect(bodyOf(await set({ level: 'error' }))).toMatchObject({ error: { code: -32601 } });
  });
});
