import { hash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { callerOf, ISSUER, type World, worldOf } from '../test/support/ext-proc-world.ts';
import { agree, refusedMessages } from './agree.ts';

const BODY = Buffer.from('{"a":1}');
const WORD = {
  surface: 'judged',
  issuer: ISSUER,
  subject: 'alice',
  body_sha256: hash('sha256', BODY, 'hex'),
  revision: '7',
  decision_id: 'd',
};
const word = (over: Readonly<Record<string, string | undefined>> = {}) =>
  new Map(Object.entries({ ...WORD, ...over }).filter((entry): entry is [string, string] => entry[1] !== undefined));

let world: World;
beforeEach(() => {
  world = worldOf();
});
afterEach(() => world.close());
const judged = (over = {}) => callerOf(world, { surfaceName: 'judged', ...over });

test('where ext-proc decides nobody else has to', () => {
  expect(agree(callerOf(world), BODY, undefined)).toBeNull();
});

describe('where ext-authz decides', () => {
  test('its word on this very body lets a call go on', () => {
    expect(agree(judged(), BODY, word())).toBeNull();
  });

  test('a push may have reached it earlier or later', () => {
    expect(agree(judged(), BODY, word({ revision: '6' }))).toBeNull();
  });

  test('a request without a body needs its word as well', () => {
    expect(agree(judged({ want: 'stream' }), null, word({ body_sha256: undefined }))).toBeNull();
    expect(agree(judged({ want: 'stream' }), null, undefined)).toMatchObject({ code: 'decision_unavailable' });
  });

  test('it does so for the view on every surface', () => {
    expect(agree(callerOf(world, { want: 'tools' }), null, undefined)).toMatchObject({ code: 'decision_unavailable' });
    expect(agree(callerOf(world, { want: 'tools' }), null, word({ surface: 'default' }))).toBeNull();
  });

  test.each<[string, ReadonlyMap<string, string> | undefined, string]>([
    ['nothing', undefined, 'ext-authz said nothing'],
    ['an empty word', new Map(), 'another principal'],
    ['a word on another subject', word({ subject: 'bob' }), 'another principal'],
    ['a word on the same subject of another issuer', word({ issuer: 'http://other' }), 'another principal'],
    ['a word on another surface', word({ surface: 'default' }), 'another surface'],
    ['a word on another body', word({ body_sha256: hash('sha256', 'x', 'hex') }), 'another body'],
    ['a word on no body', word({ body_sha256: undefined }), 'another body'],
    ['a word on the hash in capitals', word({ body_sha256: WORD.body_sha256.toUpperCase() }), 'another body'],
  ])('%s refuses the call, and the log says why', (_, said, reason) => {
    expect(agree(judged(), BODY, said)).toEqual({ code: 'decision_unavailable', reason });
    expect(world.logged.at(-1)).toMatchObject({ level: 50, surface: 'judged', reason });
  });
});

describe('of a batch', () => {
  const said = (text: string | undefined) => word({ refused_messages: text });

  test('what ext-authz refuses is refused, with its words', () => {
    const refused = refusedMessages(judged(), said('[[0,"unknown_tool","x"],[2,"invalid_request"]]'));
    expect([...(refused ?? [])]).toEqual([
      [0, { code: 'unknown_tool', detail: 'x' }],
      [2, { code: 'invalid_request' }],
    ]);
  });

  test('a code that is not known here is a refusal all the same', () => {
    expect([...(refusedMessages(judged(), said('[[1,"of_a_later_version"]]')) ?? [])]).toEqual([
      [1, { code: 'decision_unavailable' }],
    ]);
  });

  test('nothing said of its messages is nothing decided', () => {
    expect(refusedMessages(judged(), said(undefined))).toBeNull();
    expect(refusedMessages(judged(), undefined)).toBeNull();
  });

  test('where ext-proc decides nobody else has to', () => {
    expect(refusedMessages(callerOf(world), undefined)?.size).toBe(0);
  });
});
