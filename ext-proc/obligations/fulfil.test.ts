import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { META } from '../../core/mcp/inbound.ts';
import type { ObligationsDocument, Rule } from '../../core/policy/types.ts';
import {
  callerOf,
  catalogOf,
  listed,
  readAs,
  request,
  surfaceOf,
  toolOf,
  type World,
  worldOf,
} from '../../test/support/ext-proc-world.ts';
import type { Outcome } from '../outcome.ts';
import { answerPost } from '../route.ts';

const MODERN = '2026-07-28';
const REFUND = toolOf('refund', {
  inputSchema: {
    type: 'object',
    properties: { amount: { type: 'number' }, to: { type: 'string' } },
    required: ['amount'],
    additionalProperties: false,
  },
});

let world: World;
beforeEach(() => {
  world = worldOf();
});
afterEach(() => world.close());

/** `rules` on a server with the tools refund and post, in both eras. */
function governedBy(...rules: readonly Partial<Rule>[]): void {
  world.catalog = catalogOf({
    servers: [
      readAs('payments', [], {
        protocolVersions: ['2025-11-25', MODERN],
        tools: listed(REFUND, toolOf('post')),
      }),
    ],
    surfaces: [surfaceOf('default', ['payments'])],
    policies: [
      {
        name: 'p',
        version: 'tbac/v1',
        mode: 'enforce',
        surfaces: ['*'],
        rules: rules.map((rule, index) => ({ id: `r${index}`, effect: 'allow', tools: ['*'], ...rule })),
      },
    ],
  });
}
const owing = (obligations: ObligationsDocument): void => governedBy({ obligations });

interface Over {
  readonly subject?: string;
  /** Of a client of the modern era. */
  readonly capabilities?: object;
  /** Of a session. */
  readonly session?: Parameters<World['token']>[0];
  readonly more?: object;
}
const call = (args: object = { amount: 5 }, over: Over = {}, name = 'refund'): Promise<Outcome> => {
  const { subject = 'alice', session = {} } = over;
  const caller = callerOf(world, { subject, sessionToken: world.token({ subject, ...session }) });
  const body = request('tools/call', { name, arguments: args, ...over.more }, 7);
  return Promise.resolve(answerPost(caller, Buffer.from(JSON.stringify(body)), null));
};
const callModern = (args: object = { amount: 5 }, over: Over = {}): Promise<Outcome> => {
  const { subject = 'alice', capabilities = {} } = over;
  const standard = { protocolVersion: MODERN, method: 'tools/call', name: 'refund' };
  const _meta = { [META.protocolVersion]: MODERN, [META.clientCapabilities]: capabilities };
  // Before the envelope, which stands elsewhere once our own question is taken out.
  const body = request('tools/call', { ...over.more, name: 'refund', arguments: args, _meta }, 7);
  return Promise.resolve(answerPost(callerOf(world, { subject, standard }), Buffer.from(JSON.stringify(body)), null));
};
function told(outcome: Outcome) {
  if (outcome.kind !== 'immediate') throw new Error(`found ${outcome.kind}, wanted an answer`);
  return { status: outcome.answer.status, headers: outcome.answer.headers, ...JSON.parse(String(outcome.answer.body)) };
}
const FIRST = 'a1';

describe('what a call owes', () => {
  test('nothing: it goes on at once', async () => {
    governedBy({});
    expect(await call()).toMatchObject({ kind: 'relay' });
  });

  test('anything, and the ledger is not there: it is refused', async () => {
    owing({ labels: ['seen'] });
    world.ledger.broken = true;
    expect(told(await call())).toMatchObject({ status: 503, error: { code: -32000 } });
    governedBy({});
    expect(await call(), 'one that owes nothing').toMatchObject({ kind: 'relay' });
  });
});

describe('a quota', () => {
  test('lets so many calls go on, and tells when there is room again', async () => {
    owing({ rate: [{ calls: 2, per: '1h', by: ['principal'] }] });
    expect(await call()).toMatchObject({ kind: 'relay' });
    expect(await call()).toMatchObject({ kind: 'relay' });
    expect(told(await call())).toMatchObject({
      error: {
        code: -32003,
        message: 'too many calls for now: try again in 3600 s',
        data: { retryAfterMs: 3_600_000 },
      },
      headers: expect.arrayContaining([['retry-after', '3600']]),
    });
    expect(await call({ amount: 5 }, { subject: 'bob' }), 'of somebody else').toMatchObject({ kind: 'relay' });
  });

  test.each<[string, ObligationsDocument['rate'], boolean]>([
    ['of a tool is not another tool’s', [{ calls: 1, per: '1h', by: ['principal', 'tool'] }], true],
    ['of a server is that of all of its tools', [{ calls: 1, per: '1h', by: ['server'] }], false],
    [
      'of two counts where both have room',
      [
        { calls: 5, per: '1h', by: ['principal'] },
        { calls: 1, per: '1m', by: ['surface'] },
      ],
      false,
    ],
  ])('%s', async (_name, rate, goesOn) => {
    owing({ rate: rate! });
    expect(await call()).toMatchObject({ kind: 'relay' });
    expect((await call({}, {}, 'post')).kind === 'relay').toBe(goesOn);
  });

  test('of bytes counts the request before, and what is denied counts nothing', async () => {
    owing({ budget: [{ bytes: 300, per: '24h', by: ['principal'] }] });
    expect(await call()).toMatchObject({ kind: 'pending' });
    expect(told(await call({ amount: 5, to: 'x'.repeat(400) }))).toMatchObject({ error: { code: -32003 } });
    expect(await call(), 'there was room left').toMatchObject({ kind: 'pending' });
  });
});

describe('labels', () => {
  const RULES: Partial<Rule>[] = [
    { obligations: { labels: ['private-data'] }, tools: ['payments/refund'] },
    { id: 'post', tools: ['payments/post'] },
    { id: 'no-exfil', effect: 'deny', tools: ['payments/post'], when: ['"private-data" in session.labels'] },
  ];
  test('stay in the session for the calls after it', async () => {
    governedBy(...RULES);
    expect(await call({}, {}, 'post')).toMatchObject({ kind: 'relay' });
    expect(await call()).toMatchObject({ kind: 'relay' });
    // It is not shown any more either: its denial is certain.
    expect(told(await call({}, {}, 'post'))).toMatchObject({ error: { code: -32602, message: 'unknown tool: post' } });
    const other = { session: { tokenId: Buffer.alloc(16, 9).toString('base64url') } };
    expect(await call({}, other, 'post'), 'in another session').toMatchObject({ kind: 'relay' });
  });

  test('that cannot be stored refuse the call', async () => {
    governedBy(...RULES);
    world.ledger.leave = () => Promise.resolve(false);
    expect(told(await call())).toMatchObject({ status: 503, error: { code: -32000 } });
  });
});

describe('an approval', () => {
  const APPROVE: ObligationsDocument = { approve: { when: 'args.amount > 200', by: { groups: ['leads'] } } };

  test('is asked for where its condition holds, and bound to the arguments', async () => {
    owing(APPROVE);
    expect(await call({ amount: 200 })).toMatchObject({ kind: 'relay' });
    expect(told(await call({ amount: 201 }))).toMatchObject({
      error: {
        code: -32003,
        message: `a person has to approve this call: ask for approval ${FIRST} and make the same call again`,
        data: { approval: FIRST, state: 'pending', retry: 'same-call' },
      },
    });
    expect(told(await call({ amount: 201 })).error.data.approval, 'the same call waits for the same one').toBe(FIRST);
    expect(told(await call({ amount: 202 })).error.data.approval, 'another amount is another').not.toBe(FIRST);
    expect(world.ledger.approvals.get(FIRST)).toMatchObject({
      target: 'payments/refund',
      subject: 'alice',
      rule: 'p/r0',
      by: { groups: ['leads'] },
      shown: '{"amount":201}',
    });
  });

  test('lets one call go on', async () => {
    owing(APPROVE);
    await call({ amount: 201 });
    world.ledger.decide(FIRST, 'approved');
    expect(told(await call({ amount: 201 }, { subject: 'bob' })).error.data.approval, 'of nobody else').not.toBe(FIRST);
    expect(await call({ amount: 201 })).toMatchObject({ kind: 'relay' });
    expect(told(await call({ amount: 201 })).error.data.approval, 'and only one').not.toBe(FIRST);
  });

  test('lets one of several at the same time go on, and the others wait for the next', async () => {
    owing(APPROVE);
    await call({ amount: 201 });
    world.ledger.decide(FIRST, 'approved');
    const [first, ...others] = await Promise.all([1, 2, 3].map(() => call({ amount: 201 })));
    expect(first).toMatchObject({ kind: 'relay' });
    for (const other of others) expect(told(other).error.data).toMatchObject({ state: 'pending', retry: 'same-call' });
  });

  test('that was denied refuses it', async () => {
    owing(APPROVE);
    await call({ amount: 201 });
    world.ledger.decide(FIRST, 'denied');
    expect(told(await call({ amount: 201 }))).toMatchObject({
      error: { code: -32003, message: 'a policy does not allow this call: the approval was denied' },
    });
  });

  test('of a client that can open a page is a page', async () => {
    owing(APPROVE);
    const clientCapabilities = { elicitation: { url: {} } };
    const { error } = told(
      await call({ amount: 201 }, { session: { clientCapabilities, protocolVersion: '2025-11-25' } }),
    );
    expect(error).toMatchObject({
      code: -32042,
      data: { elicitations: [{ mode: 'url', elicitationId: FIRST, url: `http://gateway.test/approvals/${FIRST}` }] },
    });
    const before = { session: { clientCapabilities, protocolVersion: '2025-06-18' } };
    expect(told(await call({ amount: 201 }, before)).error.code, 'not before its revision').toBe(-32003);
  });

  test('of the modern era is input that is required, and the server sees neither state nor response', async () => {
    owing(APPROVE);
    const capabilities = { elicitation: { url: {} } };
    const { result } = told(await callModern({ amount: 201 }, { capabilities }));
    expect(result).toMatchObject({
      resultType: 'input_required',
      inputRequests: {
        approval: {
          method: 'elicitation/create',
          params: { mode: 'url', url: `http://gateway.test/approvals/${FIRST}` },
        },
      },
      requestState: expect.any(String),
    });
    const more = { requestState: result.requestState, inputResponses: { approval: { action: 'accept' } } };
    expect(told(await callModern({ amount: 201 }, { capabilities, more })).result.resultType, 'nobody decided').toBe(
      'input_required',
    );
    world.ledger.decide(FIRST, 'approved');
    const outcome = await callModern({ amount: 201 }, { capabilities, more });
    if (outcome.kind !== 'pending') throw new Error(outcome.kind);
    outcome.start(() => {});
    const { params } = JSON.parse(String(world.calls.made.at(-1)!.request.body));
    expect(params.arguments).toEqual({ amount: 201 });
    expect(Object.keys(params)).toEqual(['name', 'arguments', '_meta']);
  });

  test('of another caller’s state is none', async () => {
    owing(APPROVE);
    const capabilities = { elicitation: { url: {} } };
    const { result } = told(await callModern({ amount: 201 }, { capabilities }));
    const more = { requestState: result.requestState, inputResponses: {} };
    world.ledger.decide(FIRST, 'approved');
    const { error, result: again } = told(await callModern({ amount: 201 }, { subject: 'bob', capabilities, more }));
    expect(error ?? again).toMatchObject({ resultType: 'input_required' });
  });
});

test('what is to be redacted is composed, and not resumable', async () => {
  owing({ redact: ['card'] });
  const outcome = await call();
  if (outcome.kind !== 'pending') throw new Error(`found ${outcome.kind}, wanted a composed call`);
  const settled = await new Promise<Outcome>((resolve) => {
    outcome.start(resolve);
    const { request: made } = world.calls.made.at(-1)!;
    made.onOpen({ status: 200, contentType: 'application/json', sessionId: '' });
    made.onEvent({ data: '{"jsonrpc":"2.0","id":7,"result":{"structuredContent":{"card":"4111"}}}', id: 'e1' });
    made.onEnd('ended');
  });
  expect(told(settled).result).toEqual({ structuredContent: { card: '[redacted]' } });
});

describe('arguments that do not fit the schema', () => {
  test('are told to the model from 2025-11-25 on, and to the program before', async () => {
    governedBy({});
    const wrong = { amount: '5' };
    expect(told(await call(wrong, { session: { protocolVersion: '2025-11-25' } })).result).toMatchObject({
      isError: true,
      content: [{ type: 'text', text: expect.stringMatching(/^Invalid arguments: .*amount/) }],
    });
    expect(told(await call(wrong, { session: { protocolVersion: '2025-06-18' } })).error.code).toBe(-32602);
    expect(told(await callModern(wrong)).result).toMatchObject({ resultType: 'complete', isError: true });
  });

  test('say nothing of a tool that its caller does not see', async () => {
    governedBy({ tools: ['payments/post'] });
    expect(told(await call({ amount: '5' })).error).toMatchObject({ code: -32602, message: 'unknown tool: refund' });
  });
});

test('a denial by an argument is told with its rule’s reason', async () => {
  governedBy({}, { id: 'small', effect: 'deny', when: ['args.amount > 500'], reason: 'refunds end at 500' });
  expect(await call({ amount: 500 })).toMatchObject({ kind: 'relay' });
  expect(told(await call({ amount: 501 })).error).toEqual({
    code: -32003,
    message: 'a policy does not allow this call: refunds end at 500',
    data: { decision: 'd1', rules: ['p/small'] },
  });
});

test('limits of the one rule that allows a tool are in its advertised schema', async () => {
  governedBy({ tools: ['payments/refund'], when: ['args.amount <= 500'] });
  const caller = callerOf(world, { sessionToken: world.token() });
  const { result } = told(await answerPost(caller, Buffer.from(JSON.stringify(request('tools/list'))), null));
  expect(result.tools).toMatchObject([{ name: 'refund', inputSchema: { properties: { amount: { maximum: 500 } } } }]);
});
