// Decides what must hold of the sealed texts that a client holds: cursors, ids of requests, event ids, states, task ids.
import { createHash } from 'node:crypto';
import fc, { type Arbitrary } from 'fast-check';
import { everyExposure } from '../../core/catalog/exposure.ts';
import {
  createHandleCodec,
  type HandleCodec,
  type HandleKind,
  type HandleOwner,
  type HandlePayload,
} from '../../core/session/handles.ts';
import type { SessionState } from '../../core/session/types.ts';
import { askedFor, openBridged } from '../../ext-proc/bridging/bridged-state.ts';
import { openAsked } from '../../ext-proc/compose/identifiers.ts';
import { pageOf } from '../../ext-proc/federation/pages.ts';
import { openState } from '../../ext-proc/modern/state.ts';
import { openEventId } from '../../ext-proc/streams/event-ids.ts';
import {
  callerOf,
  catalogOf,
  messageOf,
  NOW_MS,
  request,
  serverOf,
  stateOf,
  type World,
  worldOf,
} from '../support/ext-proc-world.ts';
import { TOKEN_TEXTS } from './corpus.ts';
import { holds, type Property, property, same } from './property.ts';
import { ALPHABET, CHANGES } from './token-properties.ts';

const KINDS: readonly HandleKind[] = ['request', 'event', 'cursor', 'state', 'task'];
const TTL_MS = 1_000;
let now = NOW_MS;

/** Fixed keys, and randomness that is counted: the same seed gives the same handles. */
function codec(...kids: string[]): HandleCodec {
  let count = 0;
  const keys = kids.map((kid) => ({ kid, key: createHash('sha256').update(kid).digest('base64url'), active: true }));
  return createHandleCodec(keys, {
    now: () => now,
    randomBytes: (size) => createHash('sha256').update(String(count++)).digest().subarray(0, size),
  });
}
const ours = codec('k0', 'k1');
const theirs = codec('k2');

const word = fc.oneof(fc.constantFrom('', 'a', 'b', 'a","b'), fc.string({ unit: 'grapheme', maxLength: 6 }));
const owner: Arbitrary<HandleOwner> = fc.record({ surface: word, issuer: word, subject: word });
const kind = fc.constantFrom(...KINDS);
const payload: Arbitrary<HandlePayload> = fc.array(
  fc.oneof(fc.maxSafeInteger(), fc.string({ unit: 'grapheme', maxLength: 20 })),
  { maxLength: 8 },
);

interface Sealed {
  readonly kind: HandleKind;
  readonly other: HandleKind;
  readonly owner: HandleOwner;
  readonly stranger: HandleOwner;
  readonly payload: HandlePayload;
}
const sealed: Arbitrary<Sealed> = fc.record({ kind, other: kind, owner, stranger: owner, payload });

function opensForItsOwner({ kind, other, owner, stranger, payload }: Sealed): void {
  now = NOW_MS;
  const text = ours.seal(kind, owner, payload, NOW_MS + TTL_MS);
  holds(/^[\x21-\x7e]+$/.test(text), 'it is no visible ASCII');
  same(ours.open(kind, owner, text), { ok: true, payload }, 'opened');
  same(theirs.open(kind, owner, text), { ok: false, reason: 'unknown_key' }, 'opened with other keys');
  if (other !== kind) same(ours.open(other, owner, text), { ok: false, reason: 'malformed' }, 'opened as another kind');
  if (other !== kind)
    holds(!ours.open(other, owner, text.replace(/^.../, `ch${other[0]}`)).ok, 'opened as another kind');
  const isStranger = JSON.stringify(stranger) !== JSON.stringify(owner);
  if (isStranger) same(ours.open(kind, stranger, text), { ok: false, reason: 'forged' }, 'opened by a stranger');
  now = NOW_MS + TTL_MS;
  same(ours.open(kind, owner, text), { ok: false, reason: 'expired' }, 'opened too late');
  now = NOW_MS;
}

interface Changed extends Pick<Sealed, 'kind' | 'owner' | 'payload'> {
  readonly way: number;
  readonly place: number;
  readonly char: string;
}
const changed: Arbitrary<Changed> = fc.record({
  kind,
  owner,
  payload,
  way: fc.nat(CHANGES.length - 1),
  place: fc.nat(),
  char: fc.constantFrom(...ALPHABET, '.', '=', '+', '/', ' ', '\u0000', 'é'),
});

function staysShut({ kind, owner, payload, way, place, char }: Changed): void {
  const text = ours.seal(kind, owner, payload, NOW_MS + TTL_MS);
  const forged = CHANGES[way]!(text, place % text.length, char);
  if (forged !== text) holds(!ours.open(kind, owner, forged).ok, 'a handle that was changed opens');
}

const nobodys = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc
    .tuple(fc.constantFrom('r', 'e', 'c', 's', 't', 'z'), fc.base64String())
    .map(([letter, body]) => `ch${letter}1.k1.${body}`),
  fc
    .tuple(fc.constantFrom('r', 'e', 'c', 's', 't'), fc.uint8Array({ maxLength: 80 }))
    .map(([letter, body]) => `ch${letter}1.k1.${Buffer.from(body).toString('base64url')}`),
);

/** What is in a handle of ours is ours; but a key may be shared with a version of us that wrote something else. */
interface Odd {
  readonly payload: HandlePayload;
  readonly text: string;
  readonly idText: string;
}
const odd: Arbitrary<Odd> = fc.record({
  payload: fc.array(
    fc.oneof(
      fc.constantFrom('stream', 'call', 'id', 'progress', 'server', 'parked', 'before', 'tools', 'null', '', -1, 0.5),
      fc.constantFrom(stateOf().tokenId, askedFor('tools/call', 'x')),
      fc.string({ maxLength: 8 }),
      fc.maxSafeInteger(),
    ),
    { maxLength: 12 },
  ),
  text: nobodys,
  idText: fc.oneof(fc.constantFrom('null', '1', '"', '""', '"\\u0063'), fc.json({ maxDepth: 1 })),
});

const OWNER = { surface: 'default', issuer: stateOf().issuer, subject: 'alice' };
const world: World = worldOf();
world.close();
const session: SessionState = stateOf();
const caller = callerOf(world);
const asked = askedFor('tools/call', 'x');
const LIST = ['tools', 'prompts', 'resources'] as const;
const cursorMessage = (cursor: unknown) => messageOf(request('tools/list', cursor === undefined ? {} : { cursor }));
const itemsOf = (names: readonly string[]) => {
  const catalog = catalogOf({ servers: [serverOf('memory', names)] });
  return everyExposure(catalog, catalog.surfaces.get('one')!).lists.tools;
};
const SOME = itemsOf(['a', 'b', 'c']);

/** Each opener is total: it gives what is there, or says that it is nothing. */
function openersAreTotal({ payload, text, idText }: Odd): void {
  const { gateway } = world;
  const seal = (kind: HandleKind): string => gateway.handles().seal(kind, OWNER, payload, NOW_MS + TTL_MS);
  for (const each of [text, seal('state'), seal('event')]) {
    openState(gateway, caller, each);
    openBridged(gateway, caller, asked, each);
    const position = openEventId(gateway, session, each);
    const mine = payload[0] === session.tokenId;
    holds(position === null || (mine && each !== text), 'an event id of nobody’s opens');
  }
  for (const each of [idText, JSON.stringify(text), JSON.stringify(seal('request'))]) {
    for (const use of ['id', 'progress'] as const) {
      const opened = openAsked(gateway, session, use, each);
      holds(!opened.ok || (payload[0] === use && payload[1] === session.tokenId), 'another use or session opens');
    }
  }
  for (const list of LIST) {
    const page = pageOf(caller, cursorMessage(seal('cursor')), list, SOME, 2);
    if (payload[0] !== list) same(page, null, 'a cursor of another list');
    holds(page === null || page.items.length <= 2, 'a page is too large');
    same(pageOf(caller, cursorMessage(text), list, SOME, 2), null, 'a cursor of nobody’s');
  }
}

interface Walk {
  readonly names: readonly string[];
  /** Of the names, which go after the first page, and what comes. */
  readonly gone: readonly number[];
  readonly come: readonly string[];
  readonly pageItems: number;
}
const name = fc.stringMatching(/^[a-z][a-z0-9]{0,3}$/);
const walks: Arbitrary<Walk> = fc.record({
  names: fc.uniqueArray(name, { maxLength: 30 }),
  gone: fc.array(fc.nat(29), { maxLength: 6 }),
  come: fc.uniqueArray(
    name.map((each) => `x${each}`),
    { maxLength: 6 },
  ),
  pageItems: fc.integer({ min: 1, max: 12 }),
});

/** A list that stays is given once and whole; of one that changed in between nothing that stayed is lost, and it ends. */
function walksToTheEnd({ names, gone, come, pageItems }: Walk): void {
  const all = itemsOf(names);
  const stays = names.filter((_, index) => !gone.includes(index));
  const later = itemsOf([...stays, ...come.filter((each) => !names.includes(each))]);
  for (const changed of [all, later]) {
    const given: string[] = [];
    let list = all;
    let cursor: string | undefined;
    let pages = 0;
    let lastGone = false;
    do {
      const page = pageOf(caller, cursorMessage(cursor), 'tools', list, pageItems);
      holds(page !== null, 'a cursor of ours is refused');
      if (pages === 0) lastGone = !changed.some(({ publicName }) => publicName === page.items.at(-1)?.publicName);
      given.push(...page.items.map(({ publicName }) => publicName));
      cursor = page.nextCursor ?? undefined;
      list = changed;
      holds(++pages <= names.length + come.length + 1, 'the pages do not end');
    } while (cursor !== undefined);
    const wanted = changed.map(({ publicName }) => publicName);
    if (changed === all) same(given, wanted, 'the pages');
    else if (!lastGone && pages > 1) for (const each of stays) holds(given.includes(each), `${each} is lost`);
  }
}

export const HANDLE_PROPERTIES: readonly Property[] = [
  property('a handle opens for its owner, as its kind and in its time only', 1, { inputs: sealed }, opensForItsOwner),
  property('a handle that was changed in any way stays shut', 1, { inputs: changed }, staysShut),
  property(
    'no text that nobody sealed is a handle of any kind',
    1,
    { inputs: nobodys, corpus: [...TOKEN_TEXTS, ...TOKEN_TEXTS.map((text) => text.replace('chs1', 'chc1'))] },
    (text) => {
      for (const each of KINDS) holds(!ours.open(each, OWNER, text).ok, 'a text that nobody sealed opens');
    },
  ),
  property('who opens a handle takes whatever is in it, or refuses it', 1, { inputs: odd }, openersAreTotal),
  property('cursors lead through a list to its end, also when it changes', 1, { inputs: walks }, walksToTheEnd),
];
