import { describe, expect, test } from 'vitest';
import type { ChildMessage, Key } from './child-message.ts';
import { type Call, Router } from './routing.ts';

type Routable = Exclude<ChildMessage, { kind: 'garbage' }>;

const call = (key: Key, more: Partial<Call<string>> = {}): Call<string> => ({
  key,
  idText: key.slice(2),
  progress: null,
  streams: true,
  reply: key,
  ...more,
});
const response = (key: Key): Routable => ({ kind: 'response', key, failed: false });
const progress = (token: Key): Routable => ({
  kind: 'notification',
  method: 'notifications/progress',
  progress: token,
});
const notification = (method: string): Routable => ({ kind: 'notification', method, progress: null });
const request: Routable = { kind: 'request', idText: '0', method: 'sampling/createMessage' };

const open =
  (...calls: readonly Call<string>[]): Step =>
  (router) => {
    for (const opened of calls) router.open(opened);
  };
/** A call whose client went away. */
const left =
  (abandoned: Call<string>): Step =>
  (router) => {
    router.open(abandoned);
    router.detach(abandoned);
  };
const stream =
  (isOpen: boolean): Step =>
  (router) =>
    router.setStream(isOpen);
const cancel =
  (key: Key): Step =>
  (router) => {
    router.cancel(key);
  };
type Step = (router: Router<string>) => void;

const SILENT = { streams: false };
const LOG = 'notifications/message';
const CHANGED = 'notifications/tools/list_changed';

/** What the router is told first, the message, and where it goes: `answer n:1`, `call n:1`, `stream`, `child`, `nowhere`. */
const CASES: readonly [sentence: string, before: readonly Step[], message: Routable, to: string][] = [
  ['a response goes to its call', [open(call('n:1'), call('n:2'))], response('n:2'), 'answer n:2'],
  ['the response to "1" is not the response to 1', [open(call('n:1'))], response('s:1'), 'nowhere'],
  ['a response to id 0 goes to its call', [open(call('n:0'))], response('n:0'), 'answer n:0'],
  ['a response that nobody asked for goes nowhere', [], response('n:1'), 'nowhere'],
  ['a response never goes to the GET stream', [stream(true)], response('n:1'), 'nowhere'],
  ['a response whose client left is dropped', [left(call('n:1'))], response('n:1'), 'nowhere'],
  ['the response to a cancelled call is dropped', [open(call('n:1')), cancel('n:1')], response('n:1'), 'nowhere'],
  [
    'progress goes to the call that has its token',
    [open(call('n:1'), call('n:2', { progress: 'n:2' }))],
    progress('n:2'),
    'call n:2',
  ],
  [
    'progress goes to its call although a GET stream is open',
    [open(call('n:1', { progress: 's:t' })), stream(true)],
    progress('s:t'),
    'call n:1',
  ],
  ['token "1" is not token 1', [open(call('n:1', { progress: 'n:1' }))], progress('s:1'), 'nowhere'],
  ['progress of a finished call goes to the GET stream (a task)', [stream(true)], progress('n:1'), 'stream'],
  ['progress of a finished call goes nowhere without one', [open(call('n:2'))], progress('n:1'), 'nowhere'],
  [
    'progress of a call whose client left is dropped',
    [left(call('n:1', { progress: 'n:1' })), stream(true)],
    progress('n:1'),
    'nowhere',
  ],
  ['a request goes to the GET stream', [open(call('n:1')), stream(true)], request, 'stream'],
  ['a request without GET stream goes to the oldest call', [open(call('n:2'), call('n:1'))], request, 'call n:2'],
  ['a request passes over a call whose client left', [left(call('n:1')), open(call('n:2'))], request, 'call n:2'],
  ['a request passes over a call that cannot stream', [open(call('n:0', SILENT), call('n:2'))], request, 'call n:2'],
  ['a request that reaches nobody is answered to the child', [], request, 'child'],
  ['a request during initialize is answered to the child', [open(call('n:0', SILENT))], request, 'child'],
  ['a log message without GET stream goes to the oldest call', [open(call('n:1'))], notification(LOG), 'call n:1'],
  ['a log message that reaches nobody is dropped', [], notification(LOG), 'nowhere'],
  ['list_changed goes to the GET stream', [stream(true)], notification(CHANGED), 'stream'],
  ['list_changed is dropped without one', [open(call('n:1'))], notification(CHANGED), 'nowhere'],
  ['a closed GET stream gets nothing', [stream(true), stream(false)], notification(CHANGED), 'nowhere'],
];

describe('Router', () => {
  test.each(CASES)('%s', (_sentence, before, message, to) => {
    const router = new Router<string>();
    for (const step of before) step(router);
    const destination = router.route(message);
    expect('call' in destination ? `${destination.to} ${destination.call.reply}` : destination.to).toBe(to);
  });

  test('an id in flight is refused, and free again after its response', () => {
    const router = new Router<string>();
    expect(router.open(call('n:1'))).toBe(true);
    expect(router.open(call('n:1'))).toBe(false);
    expect(router.open(call('s:1'))).toBe(true);
    router.route(response('n:1'));
    expect(router.open(call('n:1'))).toBe(true);
  });

  test('the client of an earlier call that leaves does not detach a later one with the same id', () => {
    const router = new Router<string>();
    const earlier = call('n:1');
    router.open(earlier);
    router.route(response('n:1'));
    router.open(call('n:1', { reply: 'later' }));
    router.detach(earlier);
    expect(router.route(response('n:1'))).toMatchObject({ to: 'answer', call: { reply: 'later' } });
  });

  test('cancelling gives back who waits, once, and never initialize', () => {
    const router = new Router<string>();
    router.open(call('n:0', { streams: false }));
    router.open(call('n:1'));
    expect(router.cancel('n:0')).toBeNull();
    expect(router.cancel('n:1')).toMatchObject({ reply: 'n:1' });
    expect(router.cancel('n:1')).toBeNull();
    expect(router.size).toBe(1);
  });

  test('clear gives those who still wait', () => {
    const router = new Router<string>();
    left(call('n:1'))(router);
    router.open(call('n:2'));
    expect(router.size).toBe(2);
    expect(router.clear().map((entry) => entry.reply)).toEqual(['n:2']);
    expect(router.size).toBe(0);
  });
});
