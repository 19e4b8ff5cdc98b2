// Decides what is known of a server version: what it answers to a client that can do nothing, to one that can do all, and to those between.
import type { AskedCapability, Discovered, Listed, ListedFor } from '../../core/catalog/catalog.ts';
import { isObject, type JsonObject } from '../../core/json.ts';
import { LIMITS } from '../../core/limits.ts';
import type { EgressClient } from '../../core/mcp/egress.ts';
import { canonicalJson, contentHash } from '../../core/runtime/canonical.ts';
import type { DiscoveryOutcome } from '../registry/discoveries.ts';
import { LIST_NAMES, LISTS, type ListName, readList } from './lists.ts';
import { openModern } from './modern-session.ts';
import type { Facts } from './probe.ts';
import { type NoSession, openSession, type ReadTarget, type Session, type SessionOptions } from './session.ts';

/** Servers show some tools only to clients that can answer what these tools ask of them. */
const CLIENTS: Readonly<Record<'bare' | 'full', JsonObject>> = {
  bare: {},
  full: {
    roots: { listChanged: true },
    sampling: { context: {}, tools: {} },
    elicitation: { form: {}, url: {} },
    tasks: { list: {}, cancel: {}, requests: { sampling: { createMessage: {} }, elicitation: { create: {} } } },
  },
};

interface Reading {
  readonly initialized: JsonObject;
  readonly protocolVersion: string;
  readonly lists: Readonly<Record<ListName, readonly Listed[]>>;
  readonly eventIds: boolean;
}

type Alone = Readonly<Record<AskedCapability, Reading>>;

/**
 * Is shown a session before its lists are read, so that a change of them is not missed; resolves to whether it keeps the
 * session, which it then closes itself.
 */
export type Attend = (session: Session) => Promise<boolean>;

/**
 * Reads a server within LIMITS.discoveryDeadlineMs. Total: what fails is a value, in words for an operator.
 * @param attend is shown the session in which we can do nothing, so in which nothing is asked of us.
 */
export async function readServer(
  egress: EgressClient,
  target: ReadTarget,
  nowMs: () => number,
  attend?: Attend,
): Promise<DiscoveryOutcome> {
  const options: SessionOptions = { egress, target, nowMs, endMs: nowMs() + LIMITS.discoveryDeadlineMs };
  const bare = await readAs(options, CLIENTS.bare, attend);
  if ('error' in bare) return { ok: false, error: printable(bare.error) };
  const full = await readAs(options, CLIENTS.full);
  if ('error' in full) return { ok: false, error: printable(full.error) };
  return { ok: true, discovered: discoveredOf(bare, full, await readAlone(options, bare, full)) };
}

/** With each capability alone, where the lists differ by them. Null: they do not, or it could not be found out. */
async function readAlone(options: SessionOptions, bare: Reading, full: Reading): Promise<Alone | null> {
  if (LIST_NAMES.every((name) => isSame(bare.lists[name], full.lists[name]))) return null;
  const { roots, sampling, elicitation } = CLIENTS.full as Readonly<Record<AskedCapability, JsonObject>>;
  const read = {
    roots: await readAs(options, { roots }),
    sampling: await readAs(options, { sampling }),
    elicitation: await readAs(options, { elicitation }),
  };
  const failed = Object.values(read).some((reading) => 'error' in reading);
  return failed ? null : (read as Alone);
}

async function readAs(
  options: SessionOptions,
  capabilities: JsonObject,
  attend?: Attend,
): Promise<Reading | { readonly error: string }> {
  const session = await openEither(options, capabilities);
  if ('error' in session) return session;
  const kept = (await attend?.(session)) ?? false;
  try {
    const lists: Partial<Record<ListName, readonly Listed[]>> = {};
    let bytesMax: number = LIMITS.backendAnswerBytesMax;
    for (const name of LIST_NAMES) {
      const list = await readList(session, name, bytesMax);
      if ('error' in list) return list;
      lists[name] = list.items;
      bytesMax -= list.bytes;
    }
    const { initialized, protocolVersion, eventIds } = session;
    return { initialized, protocolVersion, eventIds, lists: lists as Reading['lists'] };
  } finally {
    if (!kept) await session.close();
  }
}

/** In the legacy era where the server has it: what it lists there, its clients of both eras can call. */
async function openEither(options: SessionOptions, capabilities: JsonObject): Promise<Session | NoSession> {
  const session = await openSession(options, capabilities);
  if (!('error' in session) || !session.refused) return session;
  const modern = await openModern(options, capabilities);
  // What it said to `initialize` says more to an operator than that it is not modern either.
  return 'error' in modern ? session : modern;
}

function isSame(few: readonly Listed[], all: readonly Listed[]): boolean {
  return canonicalJson(few) === canonicalJson(all);
}

function discoveredOf(bare: Reading, full: Reading, alone: Alone | null): Discovered {
  const { serverInfo, capabilities, instructions } = full.initialized;
  const both = (name: ListName): ListedFor => {
    const [few, all] = [bare.lists[name], full.lists[name]];
    if (isSame(few, all)) return { bare: few, full: few };
    const shown = ({ lists }: Reading): readonly string[] => lists[name].map((item) => String(item[LISTS[name].key]));
    if (alone === null) return { bare: few, full: all };
    const { roots, sampling, elicitation } = alone;
    return {
      bare: few,
      full: all,
      alone: { roots: shown(roots), sampling: shown(sampling), elicitation: shown(elicitation) },
    };
  };
  const content = {
    protocolVersion: full.protocolVersion,
    serverInfo: isObject(serverInfo) ? serverInfo : {},
    capabilities: isObject(capabilities) ? capabilities : {},
    ...(typeof instructions === 'string' ? { instructions } : {}),
    ...((bare.eventIds || full.eventIds) && { eventIds: true }),
    tools: both('tools'),
    prompts: both('prompts'),
    resources: both('resources'),
    resourceTemplates: both('resourceTemplates'),
  };
  return withHash(content);
}

/** What was read, and what was found out beside it; its hash is that of both. */
export function withFacts(discovered: Discovered, facts: Facts | null): Discovered {
  const { hash: _, ...content } = discovered;
  return facts === null ? discovered : withHash({ ...content, ...facts });
}

function withHash(content: Omit<Discovered, 'hash'>): Discovered {
  return { hash: contentHash(content), ...content };
}

/** A server's words go to logs and terminals. */
function printable(text: string): string {
  const line = text.replace(/\p{Cc}+/gu, ' ').trim();
  return line.length <= LIMITS.discoveryErrorCharsMax ? line : `${line.slice(0, LIMITS.discoveryErrorCharsMax - 1)}…`;
}
