import { expect, test } from 'vitest';
import { CDS, EDS, type ResourceType } from './resource-types.ts';
import { type TypeSnapshot, typeSnapshot } from './snapshot.ts';
import { type Difference, Subscription } from './subscription.ts';

const of = (versions: Readonly<Record<string, string>>): TypeSnapshot =>
  typeSnapshot(
    new Map(Object.entries(versions).map(([name, version]) => [name, { version, bytes: Buffer.from(name) }])),
  );
const first = (
  subscribe: readonly string[],
  held: Readonly<Record<string, string>> = {},
  unsubscribe: readonly string[] = [],
) => ({
  subscribe,
  unsubscribe,
  initialVersions: new Map(Object.entries(held)),
});
const later = (subscribe: readonly string[], unsubscribe: readonly string[] = []) => first(subscribe, {}, unsubscribe);
const AB = of({ a: '1', b: '1' });
/** As a stream does with a first request. */
const open = (type: ResourceType, request: ReturnType<typeof first>, snapshot = AB): Subscription => {
  const subscription = new Subscription(type, request);
  subscription.lookAtAll(snapshot);
  return subscription;
};
const differenceTo = (subscription: Subscription, snapshot: TypeSnapshot): Difference => {
  subscription.lookAt(new Set(['a', 'b', 'c']));
  return subscription.difference(snapshot);
};

test.each<[string, ResourceType, ReturnType<typeof first>, Partial<Difference>]>([
  ['an empty first request for clusters is a wildcard', CDS, first([]), { changed: ['a', 'b'], owed: true }],
  ['an empty first request for endpoints asks for nothing', EDS, first([]), { changed: [], owed: false }],
  ['a star is a wildcard', EDS, first(['*']), { changed: ['a', 'b'], owed: true }],
  ['a name is that one', CDS, first(['b']), { changed: ['b'], owed: false }],
  ['a name beside a star is no second copy', CDS, first(['*', 'b']), { changed: ['b', 'a'] }],
  ['a name that is not there is told to be absent', CDS, first(['c']), { changed: [], absent: ['c'] }],
  [
    'a name that is not there is told so beside a star too',
    CDS,
    first(['*', 'c']),
    { changed: ['a', 'b'], absent: ['c'] },
  ],
  ['what is held is not sent again', CDS, first(['*'], { a: '1' }), { changed: ['b'] }],
  ['what is held in another version is sent', CDS, first([], { a: '0', b: '1' }), { changed: ['a'] }],
  ['what is held and asked for by name is not sent again', EDS, first(['a'], { a: '1' }), { changed: [], owed: false }],
  ['what is held and gone is removed', CDS, first([], { a: '1', b: '1', c: '1' }), { changed: [], removed: ['c'] }],
  [
    'what is held and gone and asked for by name is removed',
    EDS,
    first(['c'], { c: '1' }),
    { absent: [], removed: ['c'] },
  ],
  ['what is held and not asked for is left alone', EDS, first(['a'], { a: '1', c: '1' }), { changed: [], removed: [] }],
  ['a first request that only unsubscribes is no wildcard', CDS, first([], {}, ['a']), { changed: [], owed: false }],
])('%s', (_name, type, request, wanted) => {
  expect(open(type, request).difference(AB)).toMatchObject({ removed: [], absent: [], ...wanted });
});

function sent(type: ResourceType, request: ReturnType<typeof first>): Subscription {
  const subscription = open(type, request);
  const { changed, absent } = subscription.difference(AB);
  subscription.sent(AB, changed, absent);
  expect(subscription.difference(AB)).toEqual({ changed: [], absent: [], removed: [], owed: false });
  return subscription;
}

test.each<[string, ReturnType<typeof first>, ReturnType<typeof later>, Partial<Difference>]>([
  ['a name that is subscribed to again is sent again', first(['a']), later(['a']), { changed: ['a'] }],
  ['a further name is sent alone', first(['a']), later(['b']), { changed: ['b'] }],
  ['a star after a name sends the rest', first(['a']), later(['*']), { changed: ['b'], owed: true }],
  ['a name after the empty wildcard keeps the wildcard', first([]), later(['a']), { changed: ['a'] }],
  ['an empty later request changes nothing', first(['a']), later([]), { changed: [], owed: false }],
  ['beside a star an unsubscribed name is sent again', first(['*', 'a']), later([], ['a']), { changed: ['a'] }],
  [
    'beside a star an unsubscribed name that is not there is removed',
    first(['*', 'c']),
    later([], ['c']),
    { removed: ['c'] },
  ],
  ['unsubscribing what was never named does nothing', first(['*']), later([], ['a']), { changed: [] }],
])('%s', (_name, request, next, wanted) => {
  const subscription = sent(CDS, request);
  subscription.update(next, AB);
  expect(subscription.difference(AB)).toMatchObject({ changed: [], absent: [], removed: [], ...wanted });
});

test.each<[string, ReturnType<typeof first>, ReturnType<typeof later>, readonly string[]]>([
  ['an unsubscribed name is not followed any more', first(['a', 'b']), later([], ['a']), ['b']],
  ['an unsubscribed star leaves the names', first(['*', 'b']), later([], ['*']), ['b']],
  ['an unsubscribed star without names leaves nothing', first([]), later([], ['*']), []],
])('%s', (_name, request, next, wanted) => {
  const subscription = sent(CDS, request);
  subscription.update(next, AB);
  expect(differenceTo(subscription, of({ a: '2', b: '2' })).changed).toEqual(wanted);
  expect(differenceTo(subscription, of({})).removed).toEqual(wanted);
});

test('an absent name is told once, and is sent when it comes', () => {
  const subscription = open(EDS, first(['c']));
  subscription.sent(AB, [], ['c']);
  expect(differenceTo(subscription, of({ a: '2' }))).toMatchObject({ changed: [], absent: [], removed: [] });
  expect(differenceTo(subscription, of({ c: '1' }))).toMatchObject({ changed: ['c'] });
});

test('what is to be sent again is sent although its version is the same, and what was never sent is not', () => {
  const subscription = sent(EDS, first(['a']));
  subscription.resend('a');
  subscription.resend('b');
  expect(subscription.difference(AB)).toMatchObject({ changed: ['a'], removed: [] });
});
