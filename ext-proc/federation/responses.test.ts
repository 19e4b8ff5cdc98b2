import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  callerOf,
  catalogOf,
  messageOf,
  serverOf,
  sessionCallOf,
  stateOf,
  surfaceOf,
  unreachable,
  versionOf,
  type World,
  worldOf,
} from '../../test/support/ext-proc-world.ts';
import { toClient } from '../compose/identifiers.ts';
import { ALONE, type Question } from '../instances/instances.ts';
import { ACCEPTED } from '../outcome.ts';
import { viewOf } from '../view.ts';
import { answerBackend, tellProgress } from './responses.ts';

let world: World;
beforeEach(() => {
  world = worldOf();
});
afterEach(() => world.close());

const CAPABLE = { clientCapabilities: { roots: {} } };
/** What the client holds for a request of a server; its raw id and its raw token. */
function asked(server: string, backendSession: string, idText = '0'): { id: string; token: string } {
  const hop = { gateway: world.gateway, session: stateOf(CAPABLE), version: versionOf(server, []), backendSession };
  const text = `{"jsonrpc":"2.0","id":${idText},"method":"roots/list","params":{"_meta":{"progressToken":${idText}}}}`;
  const sent = Buffer.concat(toClient(hop, messageOf(text))!).toString();
  return { id: /"id":("[^"]*")/.exec(sent)![1]!, token: /"progressToken":("[^"]*")/.exec(sent)![1]! };
}
const answer = (text: string) => answerBackend(sessionCallOf(world, messageOf(text), CAPABLE));
const last = () => world.logged.at(-1);

describe('an answer', () => {
  test.each<[string, string, string]>([
    ['memory', 'memory-session', 'mcp.memory.1'],
    ['files', 'files-session', 'mcp.files.1'],
  ])('goes to %s, which asked, on its session, with its own id', async (server, sessionId, cluster) => {
    for (const idText of ['0', '"0"', '9007199254740993']) {
      const { id } = asked(server, sessionId, idText);
      const outcome = await answer(`{ "result":{"n":9007199254740993}, "id":${id} ,"jsonrpc":"2.0"}`);
      expect(outcome).toBe(ACCEPTED);
      expect(world.sent.at(-1)).toMatchObject({
        cluster,
        sessionId,
        method: 'POST',
        idempotent: false,
        body: `{ "result":{"n":9007199254740993}, "id":${idText} ,"jsonrpc":"2.0"}`,
      });
    }
    expect(world.sent).toHaveLength(3);
  });

  test('may be an error', async () => {
    const { id } = asked('files', 'files-session');
    await answer(`{"jsonrpc":"2.0","id":${id},"error":{"code":-1,"message":"no"}}`);
    expect(world.sent[0]?.body).toBe('{"jsonrpc":"2.0","id":0,"error":{"code":-1,"message":"no"}}');
  });

  test('is accepted although its server does not take it', async () => {
    world.backend = () => unreachable;
    expect(await answer(`{"jsonrpc":"2.0","id":${asked('files', 'files-session').id},"result":{}}`)).toBe(ACCEPTED);
    expect(last()).toMatchObject({ reason: 'the backend did not take it: status' });
  });

  test.each<[string, () => string, string]>([
    ['a number', () => '0', 'not one of ours'],
    ['a word', () => '"x"', 'malformed'],
    ['a progress token', () => asked('memory', 'memory-session').token, 'of another use'],
    ['the id of a server that left the surface', () => asked('gone', 'x').id, 'its server version is gone'],
    ['the id that an earlier session gave', () => asked('memory', 'dead-session').id, 'another backend session asked'],
  ])('with %s is accepted, and nobody is told', async (_, id, reason) => {
    expect(await answer(`{"jsonrpc":"2.0","id":${id()},"result":{}}`)).toBe(ACCEPTED);
    expect(world.sent).toEqual([]);
    expect(last()).toMatchObject({ msg: 'an answer of a client was for nobody', reason, subject: 'alice' });
  });

  test('of a session that has none at the server is for nobody', async () => {
    const { id } = asked('memory', 'memory-session');
    const call = sessionCallOf(world, messageOf(`{"jsonrpc":"2.0","id":${id},"result":{}}`), { backends: [] });
    expect(await answerBackend(call)).toBe(ACCEPTED);
    expect(world.sent).toEqual([]);
    expect(last()).toMatchObject({ reason: 'its backend session is gone' });
  });

  // The one that asked may be one that another ext-proc opened in the place of a dead one.
  test.each<[string, string, object]>([
    ['of which no session is known here', 'memory-session', { backends: [] }],
    ['on another session than ours', 'elsewhere-session', CAPABLE],
  ])('to a server %s is told to the other ext-proc, as it came', async (_, asker, session) => {
    const told: Question[] = [];
    world.close();
    world = worldOf({ instances: { ...ALONE, tell: (question) => void told.push(question) } });
    const text = `{"jsonrpc":"2.0","id":${asked('memory', asker).id},"result":{"n":9007199254740993}}`;
    expect(await answerBackend(sessionCallOf(world, messageOf(text), session))).toBe(ACCEPTED);
    expect(told).toMatchObject([{ kind: 'answer', surface: 'default', principal: { subject: 'alice' } }]);
    expect(told[0]?.message.toString()).toBe(text);
    const opened = world.gateway.sessions().open(told[0]?.session ?? '');
    expect(opened.ok).toBe(true);
    expect(world.sent).toEqual([]);
  });
  test('with an id of nobody is told to nobody', async () => {
    const told: Question[] = [];
    world.close();
    world = worldOf({ instances: { ...ALONE, tell: (question) => void told.push(question) } });
    await answer('{"jsonrpc":"2.0","id":"x","result":{}}');
    expect(told).toEqual([]);
  });
});

describe('progress', () => {
  const progress = (token: string): string =>
    `{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":${token},"progress":1.50}}`;
  const tell = (text: string) => tellProgress(sessionCallOf(world, messageOf(text), CAPABLE));

  test('of a request goes to the server that made it, with its own token', async () => {
    const { token } = asked('files', 'files-session', '"t"');
    expect(await tell(progress(token))).toBe(ACCEPTED);
    expect(world.sent).toMatchObject([{ cluster: 'mcp.files.1', body: progress('"t"') }]);
  });

  test.each<[string, () => string]>([
    ['a token of the client’s own', () => '7'],
    ['the id of the request', () => asked('files', 'files-session').id],
  ])('with %s is for nobody', async (_, token) => {
    expect(await tell(progress(token()))).toBe(ACCEPTED);
    expect(world.sent).toEqual([]);
  });

  test('without a token is for nobody', async () => {
    expect(await tell('{"jsonrpc":"2.0","method":"notifications/progress","params":{}}')).toBe(ACCEPTED);
    expect(await tell('{"jsonrpc":"2.0","method":"notifications/progress"}')).toBe(ACCEPTED);
    expect(world.sent).toEqual([]);
  });
});

describe('on a surface with one server', () => {
  const alone = (text: string) => {
    world.catalog = catalogOf({ servers: [serverOf('memory', ['a'])], surfaces: [surfaceOf('default', ['memory'])] });
    const session = stateOf(CAPABLE);
    const caller = callerOf(world);
    const exposure = viewOf(caller.catalog, caller.surface, session);
    return { ...caller, message: messageOf(text), session, exposure, token: '' };
  };

  test('an answer and progress go on as they came', async () => {
    const answered = '{"jsonrpc":"2.0","id":0,"result":{}}';
    const progress = '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":0,"progress":1}}';
    expect(await answerBackend(alone(answered))).toBe(ACCEPTED);
    expect(await tellProgress(alone(progress))).toBe(ACCEPTED);
    expect(world.sent).toMatchObject([
      { cluster: 'mcp.memory.1', sessionId: 'memory-session', body: answered },
      { cluster: 'mcp.memory.1', sessionId: 'memory-session', body: progress },
    ]);
  });

  test('an id that was given while it had several is still known', async () => {
    const { id } = asked('memory', 'memory-session', '3');
    await answerBackend(alone(`{"jsonrpc":"2.0","id":${id},"result":{}}`));
    expect(world.sent[0]?.body).toBe('{"jsonrpc":"2.0","id":3,"result":{}}');
  });
});
