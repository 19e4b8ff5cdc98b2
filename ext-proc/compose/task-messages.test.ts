import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { withEdits } from '../../core/mcp/message.ts';
import { RELATED_TASK } from '../../core/mcp/tasks.ts';
import { messageOf, stateOf, versionOf, type World, worldOf } from '../../test/support/ext-proc-world.ts';
import { type Hop, openAsked, toClient } from './identifiers.ts';
import { type Asking, taskEditsToServer } from './task-client.ts';
import { sealTask } from './task-ids.ts';
import { toOnlyClient } from './task-messages.ts';

let world: World;
beforeEach(() => {
  world = worldOf();
});
afterEach(() => world.close());

const hopOf = (over: Partial<Hop> = {}): Hop => ({
  gateway: world.gateway,
  session: stateOf(),
  version: versionOf('memory', []),
  backendSession: 'b1',
  ...over,
});
const textOf = (parts: readonly Buffer[] | null): string | null =>
  parts === null ? null : Buffer.concat(parts).toString();
const toIt = (text: string, hop = hopOf()) => textOf(toClient(hop, messageOf(text)));
const known = (): string =>
  sealTask(world.gateway, stateOf(), { era: 'legacy', server: 'memory', version: '1', tool: 'x', idText: '"t"' })!;
const toServer = (text: string, asking: Asking, hop = hopOf()): string => {
  const message = messageOf(text);
  return Buffer.concat(withEdits(message, taskEditsToServer(hop, message, asking))).toString();
};

describe('what a server says of its tasks', () => {
  const status = (id: string) =>
    `{"jsonrpc":"2.0","method":"notifications/tasks/status","params":{"n":9007199254740993,"taskId":"${id}"}}`;
  const log = (id: string) =>
    `{"jsonrpc":"2.0","method":"notifications/message","params":{"_meta":{"${RELATED_TASK}":{"taskId":"${id}"}}}}`;

  test('has the id that the client was given', () => {
    const handle = known();
    expect(toIt(status('t'))).toBe(status(handle));
    expect(toIt(log('t'))).toBe(log(handle));
    const asked = log('t').replace('{', '{"id":1,').replace('notifications/message', 'roots/list');
    expect(toIt(asked)).toContain(`"${RELATED_TASK}":{"taskId":"${handle}"}`);
    expect(toIt(asked)).toMatch(/"id":"chr1/);
  });
  test('is the same on a surface with one server, where all else stays', () => {
    const handle = known();
    const asked = log('t').replace('{', '{"id":1,').replace('notifications/message', 'roots/list');
    expect(textOf(toOnlyClient(hopOf(), messageOf(asked)))).toBe(asked.replace('"t"', `"${handle}"`));
    expect(textOf(toOnlyClient(hopOf(), messageOf(status('t'))))).toBe(status(handle));
    expect(toOnlyClient(hopOf(), messageOf(status('u')))).toBeNull();
  });
  test('is not told of tasks that this client was not given; what belongs to one is passed on', () => {
    known();
    const eve = hopOf({ session: stateOf({ subject: 'eve' }) });
    const files = hopOf({ version: versionOf('files', []) });
    expect([toIt(status('u')), toIt(status('t'), eve), toIt(status('t'), files)]).toEqual([null, null, null]);
    expect(toIt(log('u'))).toBe(log('u'));
    expect(toIt(log('t'), eve)).toBe(log('t'));
  });
});

describe('a task of the client', () => {
  const SAMPLE = '{"jsonrpc":"2.0","id":1,"method":"sampling/createMessage","params":{"task":{"ttl":1}}}';
  const get = (id: string, method = 'tasks/get') =>
    `{"jsonrpc":"2.0","id":2,"method":"${method}","params":{"taskId":"${id}"}}`;
  const askingIn = (text: string | null): unknown => {
    const id = JSON.stringify(JSON.parse(text ?? '{}').id);
    const opened = openAsked(world.gateway, stateOf(), 'id', id);
    return opened.ok ? (opened.asked.asking ?? '') : opened.reason;
  };
  const MADE = '{"jsonrpc":"2.0","id":"x","result":{"n":9007199254740993,"task":{"taskId":"own"}}}';
  const given = (): string => /"taskId":"([^"]+)"/.exec(toServer(MADE, 'made'))![1]!;

  test('is made where a server asks for one', () => {
    expect(askingIn(toIt(SAMPLE))).toBe('made');
    expect(askingIn(toIt(SAMPLE.replace(',"params":{"task":{"ttl":1}}', '')))).toBe('');
    const text = toServer(MADE, 'made');
    expect(text).toBe(MADE.replace('own', given()));
    expect(given()).toMatch(/^cht1\./);
    // An answer to what asked for no task has none, whatever it says.
    expect(toServer(MADE, '')).toBe(MADE);
  });
  test.each(['tasks/get', 'tasks/result', 'tasks/cancel'])('is asked for by %s by its own id', (method) => {
    const text = toIt(get(given(), method));
    expect(text).toContain('"params":{"taskId":"own"}');
    expect(askingIn(text)).toBe('named');
    const answer = '{"jsonrpc":"2.0","id":"x","result":{"taskId":"own","status":"working"}}';
    expect(toServer(answer, 'named')).toBe(answer.replace('own', given()));
    const result = `{"jsonrpc":"2.0","id":"x","result":{"_meta":{"${RELATED_TASK}":{"taskId":"own"}}}}`;
    expect(toServer(result, 'named')).toBe(result.replace('own', given()));
  });
  test.each<[string, () => Partial<Hop>]>([
    ['by another server', () => ({ version: versionOf('files', []) })],
    ['in another session', () => ({ session: stateOf({ tokenId: 'other' }) })],
    ['of another principal', () => ({ session: stateOf({ subject: 'eve' }) })],
  ])('cannot be asked for %s', (_, over) => {
    expect(toIt(get(given()), hopOf(over()))).toBeNull();
  });
  test('cannot be asked for by a guessed id, by one of a server’s own tasks, nor by a list of all', () => {
    expect([toIt(get('own')), toIt(get(known())), toIt(get('own', 'tasks/list'))]).toEqual([null, null, null]);
  });
  test('keeps its id where the client has one server', () => {
    const alone = hopOf({ transparent: true });
    expect(toIt(get('own'), alone)).toContain('"taskId":"own"');
    expect(askingIn(toIt(SAMPLE, alone))).toBe('');
    expect(textOf(toOnlyClient(alone, messageOf(get('own'))))).toBe(get('own'));
  });
});

test('what a client answers to a task of a server names it by the server’s own id, to that server alone', () => {
  const answer = (id: string) =>
    `{"jsonrpc":"2.0","id":"x","result":{"action":"accept","_meta":{"${RELATED_TASK}":{"taskId":"${id}"}}}}`;
  const handle = known();
  expect(toServer(answer(handle), '')).toBe(answer('t'));
  expect(toServer(answer(handle), '', hopOf({ version: versionOf('files', []) }))).toBe(answer(handle));
  expect(toServer(answer('u'), '')).toBe(answer('u'));
});
