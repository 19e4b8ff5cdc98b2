import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { LIMITS } from '../../core/limits.ts';
import { ROOT_DIR } from '../../core/runtime/process.ts';
import { principalOf } from '../../test/support/catalog-world.ts';
import { createAuthority } from '../../test/support/certificates.ts';
import { until } from '../../test/support/until.ts';
import { immediate, type Outcome } from '../outcome.ts';
import type { StreamSink } from '../streams/table.ts';
import { createAddressBook } from './address-book.ts';
import { createInstances, type Instances, type Question } from './instances.ts';
import { serveInstances } from './serve.ts';
import { loadInstances, principalOnWire, type RelayRequest } from './wire.ts';

const service = loadInstances(join(ROOT_DIR, 'proto'));
const log = pino({ level: 'silent' });
const dir = mkdtempSync(join(tmpdir(), 'chy-inst-'));
const GONE = /"id":7,"error":\{"code":-32000,"message":"the call that this requestState goes on with is not waiting/;
const question: Question = {
  kind: 'retry',
  surface: 'default',
  principal: principalOnWire(principalOf('alice')),
  session: '',
  asked: 'digest',
  message: Buffer.from('{"id":12345678901234567890}'),
};

const open: (() => void)[] = [];
afterEach(() => {
  for (const close of open.splice(0)) close();
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

interface Owner {
  readonly address: string;
  readonly asked: RelayRequest[];
}

async function owner(answer: (request: RelayRequest) => Outcome | null): Promise<Owner> {
  const asked: RelayRequest[] = [];
  const path = join(dir, `${open.length}.sock`);
  const serving = await serveInstances({
    service,
    address: `unix:${path}`,
    bodyBytesMax: 4096,
    answer(request) {
      asked.push(request);
      return answer(request);
    },
    log,
  });
  open.push(() => serving.close());
  expect(statSync(path).mode & 0o777).toBe(0o600);
  return { address: `unix:${path}`, asked };
}

function asking(address: string, more: Partial<Parameters<typeof createInstances>[0]> = {}): Instances {
  const book = createAddressBook({ self: 'me', now: () => 0 });
  book.update(new Map([['other', { name: 'other', node: 'ext-proc-1', address }]]));
  const instances = createInstances({ book, service, log, ...more });
  open.push(() => instances.close());
  return instances;
}

/** What a client gets, and how it leaves. */
function played(outcome: Outcome) {
  const done = Promise.withResolvers<string>();
  const texts: string[] = [];
  let leave = (): void => {};
  const play = (next: Outcome): void => {
    if (next.kind === 'pending') leave = next.start(play);
    if (next.kind === 'immediate') done.resolve(`${next.answer.status} ${next.answer.body.toString()}`);
    if (next.kind === 'stream')
      leave = next.open({
        write: (text) => void texts.push(text),
        end: () => done.resolve(`stream ${texts.join('')}`),
        pendingBytes: () => 0,
      });
  };
  play(outcome);
  return { said: done.promise, texts, leave: () => leave() };
}

const began = ({ texts }: ReturnType<typeof played>): Promise<unknown> =>
  until(
    'it is there',
    () => texts,
    (found) => found.length === 1,
  );

/** A stream whose sink the test has. */
function streaming(): { readonly outcome: Outcome; readonly sink: Promise<StreamSink>; readonly left: Promise<void> } {
  const sink = Promise.withResolvers<StreamSink>();
  const left = Promise.withResolvers<void>();
  const outcome: Outcome = {
    kind: 'stream',
    headers: [['content-type', 'text/event-stream']],
    open(opened) {
      sink.resolve(opened);
      return () => left.resolve();
    },
  };
  return { outcome, sink: sink.promise, left: left.promise };
}

test('what another answers is the answer, and it was told who asks, byte for byte', async () => {
  const { address, asked } = await owner(() => immediate(200, '{"ok":1}', 'chancery_bridged'));
  expect(await played(asking(address).relay('other', question, '7')).said).toBe('200 {"ok":1}');
  expect(asked).toMatchObject([{ ...question, instance: 'other' }]);
});

test('a stream comes piece by piece, also one that is larger than a message', async () => {
  const { outcome, sink } = streaming();
  const { address } = await owner(() => outcome);
  const client = played(asking(address).relay('other', question, '7'));
  const end = await sink;
  end.write('data: 1\n\n');
  await began(client);
  end.write('x'.repeat(3 * LIMITS.streamPieceBytesMax));
  await new Promise<void>((resolve) => end.onDrain?.(resolve));
  expect(end.pendingBytes()).toBe(0);
  end.end();
  expect(await client.said).toBe(`stream data: 1\n\n${'x'.repeat(3 * LIMITS.streamPieceBytesMax)}`);
});

test('a character that is in two pieces stays one', async () => {
  const { outcome, sink } = streaming();
  const { address } = await owner(() => outcome);
  const client = played(asking(address).relay('other', question, '7'));
  const text = `x${'é'.repeat(LIMITS.streamPieceBytesMax)}`;
  const end = await sink;
  end.write(text);
  end.end();
  expect(await client.said).toBe(`stream ${text}`);
});

test('an answer that is too long ends between two events, and what makes it is left', async () => {
  const { outcome, sink, left } = streaming();
  if (outcome.kind !== 'stream') throw new Error(outcome.kind);
  const { address } = await owner(() => ({ ...outcome, bound: { bytesMax: 100, lastWords: () => 'too long' } }));
  const client = played(asking(address).relay('other', question, '7'));
  const end = await sink;
  end.write('x'.repeat(90));
  end.write('y'.repeat(90));
  await left;
  expect(await client.said).toBe(`stream ${'x'.repeat(90)}too long`);
});

test('a client that leaves leaves there too', async () => {
  const { outcome, sink, left } = streaming();
  const { address } = await owner(() => outcome);
  const client = played(asking(address).relay('other', question, '7'));
  const end = await sink;
  end.write('data: 1\n\n');
  await began(client);
  client.leave();
  await left;
});

test('and one that leaves before there is an answer', async () => {
  const left = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const { address } = await owner(() => ({
    kind: 'pending',
    start() {
      begun.resolve();
      return () => left.resolve();
    },
  }));
  const client = played(asking(address).relay('other', question, '7'));
  await begun.promise;
  client.leave();
  await left.promise;
});

describe('state_gone, with the request’s id,', () => {
  test('of an instance that nobody knows', async () => {
    expect(await played(asking('unix:/nowhere').relay('stranger', question, '7')).said).toMatch(GONE);
  });
  test('of one that does not listen any more', async () => {
    expect(await played(asking(`unix:${join(dir, 'none.sock')}`).relay('other', question, '7')).said).toMatch(GONE);
  });
  test('of one whose place another took', async () => {
    const { address } = await owner(() => null);
    expect(await played(asking(address).relay('other', question, '7')).said).toMatch(GONE);
  });
  test('of one that takes no word from us for longer than the bound', async () => {
    const path = join(dir, 'stalled.sock');
    const stalled: Server = createServer();
    await new Promise<void>((resolve) => stalled.listen(path, resolve));
    open.push(() => stalled.close());
    expect(await played(asking(`unix:${path}`).relay('other', question, '7')).said).toMatch(GONE);
  });
  test('of one on TCP, where nobody could say who answers', async () => {
    expect(await played(asking('127.0.0.1:9').relay('other', question, '7')).said).toMatch(GONE);
  });
  test('and as an event where the answer had begun', async () => {
    const { outcome, sink } = streaming();
    const { address } = await owner(() => outcome);
    const client = played(asking(address).relay('other', question, '7'));
    (await sink).write('data: 1\n\n');
    await began(client);
    open[0]!();
    expect(await client.said).toMatch(GONE);
  });
});

test('all others are told, and nobody waits for one that is away', async () => {
  const { address, asked } = await owner(() => immediate(202, '', 'chancery_accepted'));
  const book = createAddressBook({ self: 'me', now: () => 0 });
  const at = (name: string, where: string) => [name, { name, node: name, address: where }] as const;
  book.update(new Map([at('me', address), at('a', address), at('away', 'unix:/nowhere'), at('b', address)]));
  const instances = createInstances({ book, service, log });
  open.push(() => instances.close());
  instances.tell({ ...question, kind: 'notice' });
  await until(
    'both were told',
    () => asked.map(({ instance }) => instance).sort(),
    (names) => names.length === 2,
  );
  expect(asked.map(({ instance }) => instance).sort()).toEqual(['a', 'b']);
});

describe('over TCP', () => {
  const names = (group: string, id: string) =>
    [{ type: 'url', value: `spiffe://test/chancery/${group}/${id}` }] as const;
  let ours: Awaited<ReturnType<typeof createAuthority>>;
  beforeAll(async () => {
    ours = await createAuthority();
  });

  test.each([
    ['both show who they are, and it is answered', ['ext-proc', 'ext-proc-1'], ['ext-proc', 'ext-proc-2'], true],
    ['an owner of another name is none', ['ext-proc', 'ext-proc-9'], ['ext-proc', 'ext-proc-2'], false],
    ['an owner of another group is none', ['ext-authz', 'ext-proc-1'], ['ext-proc', 'ext-proc-2'], false],
    ['whoever asks and is no ext-proc is refused', ['ext-proc', 'ext-proc-1'], ['envoy', 'ext-proc-2'], false],
  ] as const)('%s', async (_, [serverGroup, serverId], [clientGroup, clientId], answered) => {
    const [server, client] = await Promise.all([
      ours.certify(names(serverGroup, serverId)),
      ours.certify(names(clientGroup, clientId)),
    ]);
    const serving = await serveInstances({
      service,
      address: '127.0.0.1:0',
      tls: { ...server, ca: ours.ca },
      bodyBytesMax: 4096,
      answer: () => immediate(200, '{"ok":1}', 'x'),
      log,
    });
    open.push(() => serving.close());
    const instances = asking(`127.0.0.1:${serving.port}`, { tls: { ...client, ca: ours.ca } });
    const said = await played(instances.relay('other', question, '7')).said;
    if (answered) expect(said).toBe('200 {"ok":1}');
    else expect(said).toMatch(GONE);
  });

  test('an owner of other authorities is none', async () => {
    const theirs = await createAuthority('another authority');
    const [server, client] = await Promise.all([
      theirs.certify(names('ext-proc', 'ext-proc-1')),
      ours.certify(names('ext-proc', 'ext-proc-2')),
    ]);
    const answer = (): Outcome => immediate(200, '{"ok":1}', 'x');
    const tls = { ...server, ca: theirs.ca };
    const serving = await serveInstances({ service, address: '127.0.0.1:0', tls, bodyBytesMax: 4096, answer, log });
    open.push(() => serving.close());
    const instances = asking(`127.0.0.1:${serving.port}`, { tls: { ...client, ca: ours.ca } });
    expect(await played(instances.relay('other', question, '7')).said).toMatch(GONE);
  });
});
