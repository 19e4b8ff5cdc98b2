import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { principalOf, request, SITUATION, type World, worldOf } from '../../test/support/ext-proc-world.ts';
import { askedFor, sealBridged } from '../bridging/bridged-state.ts';
import type { Outcome } from '../outcome.ts';
import { answerRelayed } from './answer.ts';
import { principalOnWire, type RelayRequest } from './wire.ts';

let world: World;
beforeEach(() => {
  world = worldOf();
});
afterEach(() => world.close());

const ASKED = askedFor('tools/call', 'memory__read_graph');

function relayed(over: Partial<Omit<RelayRequest, 'message'>> & { readonly body?: object | string } = {}) {
  const { body = request('tools/call'), ...more } = over;
  return answerRelayed(world.gateway, {
    instance: world.gateway.bridges.instance,
    kind: 'retry',
    surface: 'default',
    principal: principalOnWire(principalOf('alice')),
    session: '',
    asked: ASKED,
    message: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
    ...more,
  });
}
const detailsOf = async (outcome: ReturnType<typeof relayed>): Promise<string | undefined> => {
  const settled: Outcome | null = await outcome;
  return settled?.kind === 'immediate' ? settled.answer.details : settled?.kind;
};

test.each([
  ['another instance', { instance: 'another' }],
  ['a surface that is not there', { surface: 'none' }],
  ['something that is none of what may be asked', { kind: 'constructor' as RelayRequest['kind'] }],
])('what is for %s is not taken', (_, over) => {
  expect(relayed(over)).toBeNull();
});

test('before there is a catalog nothing is', () => {
  world.catalog = null;
  expect(relayed()).toBeNull();
});

describe('a retry', () => {
  const sealed = (subject = 'alice', instance = world.gateway.bridges.instance): string => {
    const surface = world.catalog!.surfaces.get('default')!;
    const asker = {
      catalog: world.catalog!,
      surface,
      principal: principalOf(subject),
      decisionId: 'd',
      situation: SITUATION,
    };
    return sealBridged(world.gateway, asker, ASKED, { kind: 'parked', instance, id: '1' });
  };
  const parked: string[] = [];
  beforeEach(() => {
    parked.length = 0;
    const call = {
      owner: JSON.stringify(['default', principalOf('alice').issuer, 'alice']),
      own: {},
      expire() {},
      resume: () => {
        parked.push('resumed');
        return { pause() {}, resume() {}, left() {}, head: () => null };
      },
    };
    world.gateway.bridges.parking.park('1', call, 0);
  });
  const retry = (requestState: string, over: Parameters<typeof relayed>[0] = {}) =>
    relayed({ body: request('tools/call', { requestState }), ...over });

  test('goes on with the call that waits here', async () => {
    const outcome = await retry(sealed());
    expect(outcome?.kind).toBe('pending');
    if (outcome?.kind === 'pending') outcome.start(() => {});
    expect(parked).toEqual(['resumed']);
  });
  test.each<[string, () => ReturnType<typeof relayed>, string]>([
    [
      'of another principal',
      () => retry(sealed(), { principal: principalOnWire(principalOf('bob')) }),
      'chancery_invalid_state',
    ],
    ['with another one’s state', () => retry(sealed('bob')), 'chancery_invalid_state'],
    ['on another surface', () => retry(sealed(), { surface: 'one' }), 'chancery_invalid_state'],
    ['for something else', () => retry(sealed(), { asked: askedFor('tools/call', 'x') }), 'chancery_invalid_state'],
    ['of a call in a third one', () => retry(sealed('alice', 'third')), 'chancery_state_gone'],
    ['without a state', () => relayed(), 'chancery_invalid_state'],
    ['that is no message', () => relayed({ body: '{' }), 'chancery_parse_error'],
  ])('%s takes nothing', async (_, asking, details) => {
    expect(await detailsOf(asking())).toBe(details);
    expect(parked).toEqual([]);
  });
  test('takes it once', async () => {
    await retry(sealed());
    expect(await detailsOf(retry(sealed()))).toBe('chancery_state_gone');
  });
});

describe('of a session', () => {
  const cancel = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 7 } };
  const level = (session: string, over: Parameters<typeof relayed>[0] = {}) =>
    relayed({ kind: 'notice', session, body: request('logging/setLevel', { level: 'debug' }), ...over });
  const remembered = (): string | null => {
    const opened = world.gateway.sessions().open(world.token());
    return opened.ok ? world.gateway.bridges.levels.get(opened.state.tokenId) : null;
  };

  test('a log level is remembered', async () => {
    expect(await detailsOf(level(world.token()))).toBe('chancery_accepted');
    expect(remembered()).toBe('debug');
  });
  test.each<[string, () => ReturnType<typeof relayed>]>([
    ['another principal’s', () => level(world.token(), { principal: principalOnWire(principalOf('bob')) })],
    ['another surface’s', () => level(world.token(), { surface: 'one' })],
    ['a forged', () => level(`${world.token().slice(0, -4)}AAAA`)],
    ['no', () => level('')],
  ])('with %s token nothing is', async (_, notice) => {
    expect(await detailsOf(notice())).toBe('chancery_session_unknown');
    expect(remembered()).toBeNull();
  });
  test('a cancellation of what is not here tells nobody, since who asked has told all', async () => {
    expect(await detailsOf(relayed({ kind: 'notice', session: world.token(), body: cancel }))).toBe(
      'chancery_accepted',
    );
    expect(world.sent).toEqual([]);
  });
  test('a stream that is elsewhere now ends here, and only for its owner', async () => {
    const ended: string[] = [];
    const opened = world.gateway.sessions().open(world.token());
    if (!opened.ok) throw new Error(opened.reason);
    world.gateway.streams.open({
      tokenId: opened.state.tokenId,
      expiresAtMs: world.nowMs + 1000,
      sink: { write() {}, end: () => void ended.push('ended'), pendingBytes: () => 0 },
      digest: () => ({}),
    });
    await relayed({ kind: 'listening', session: world.token(), principal: principalOnWire(principalOf('bob')) });
    expect(ended).toEqual([]);
    await relayed({ kind: 'listening', session: world.token() });
    expect(ended).toEqual(['ended']);
  });
});
