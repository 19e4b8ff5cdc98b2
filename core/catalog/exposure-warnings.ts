// Decides what the operator of a surface is warned of.
import { LIMITS } from '../limits.ts';
import { TARGET_MEMBERS } from '../policy/types.ts';
import type { Catalog, CatalogServer, CatalogSurface, Discovered, ServerVersion, SurfaceMember } from './catalog.ts';
import { choose, isServed } from './choose.ts';
import { type Backend, type ExposedItem, type Exposure, exposureOf, type HiddenItem } from './exposure.ts';
import { chosen, listedName } from './names.ts';

/** Two descriptions that have this share of their words in common say the same to a model. */
const SIMILARITY_MIN = 0.85;

/**
 * One sentence each, at most LIMITS.surfaceWarningsMax; of what most callers are given, which is no canary while there is
 * another version. Total.
 */
export function surfaceWarnings(catalog: Catalog, surface: CatalogSurface): readonly string[] {
  const exposure = exposureOf(catalog, surface, usualVersion);
  const warnings = new Set([
    ...surface.members.flatMap((member) => unread(catalog.servers.get(member.server), member)),
    ...exposure.backends.flatMap((backend) => unmatched(surface, backend)),
    ...exposure.hidden.flatMap(hiddenSentence),
    ...beyondLimits(surface, exposure),
    ...tooMany(exposure),
    ...similar(exposure.lists.tools.slice(0, LIMITS.similarToolsMax)),
  ]);
  if (warnings.size <= LIMITS.surfaceWarningsMax) return [...warnings];
  const shown = [...warnings].slice(0, LIMITS.surfaceWarningsMax - 1);
  return [...shown, `there are ${warnings.size - shown.length} more warnings`];
}

function usualVersion(server: CatalogServer): ServerVersion | null {
  const served = server.versions.filter(isServed);
  const others = { ...server, versions: served.filter(({ state }) => state !== 'canary') };
  return choose(others, { key: '', subject: '' }) ?? served[0] ?? null;
}

function unread(server: CatalogServer | undefined, member: SurfaceMember): string[] {
  const served = server?.versions.filter(isServed) ?? [];
  if (served.length === 0) return [`no version of the server "${member.server}" is served, so nothing of it is listed`];
  return served
    .filter(({ discovered }) => discovered === null)
    .map(({ version }) => `${member.server} ${version} was not read yet, so nothing of it is listed`);
}

/** Patterns that choose nothing, where there is something that they could. */
function unmatched({ naming }: CatalogSurface, { member, version }: Backend): string[] {
  const { discovered } = version;
  if (discovered === null) return [];
  const of = `${version.name} ${version.version}`;
  const tools = namesOf(discovered, 'tools');
  const missing = (member.map ?? []).filter(({ tool }) => naming === 'mapped' && !tools.includes(tool));
  const idle = Object.values(TARGET_MEMBERS).flatMap((kind) => {
    const names = namesOf(discovered, kind);
    const patterns = member[kind].filter(
      (pattern) => pattern !== '*' && !names.some((name) => chosen([pattern], name)),
    );
    return patterns.map((pattern) => `${quoted(pattern)} chooses none of the ${kind} of ${of}`);
  });
  const deferred = (member.deferred ?? []).filter((pattern) => !tools.some((name) => chosen([pattern], name)));
  return [
    ...missing.map(({ tool }) => `the mapped tool ${quoted(tool)} is none of the tools of ${of}`),
    ...idle,
    ...deferred.map((pattern) => `${quoted(pattern)} defers none of the tools of ${of}`),
  ];
}

function namesOf(discovered: Discovered, kind: 'tools' | 'prompts' | 'resources'): readonly string[] {
  if (kind !== 'resources') return discovered[kind].bare.map((item) => listedName(item, 'name'));
  const templates = discovered.resourceTemplates.bare.map((item) => listedName(item, 'uriTemplate'));
  return [...discovered.resources.bare.map((item) => listedName(item, 'uri')), ...templates];
}

function hiddenSentence({ item, kind, why, by }: HiddenItem): string[] {
  const what = kind === 'tools' || kind === 'prompts' ? kind.slice(0, -1) : 'resource';
  if (why === 'name') {
    const found = `${item.publicName.length} characters, of which at most ${LIMITS.toolNameCharsMax} are allowed`;
    return [`the ${what} ${quoted(item.name)} of ${item.server.name} is hidden: its public name has ${found}`];
  }
  if (why !== 'taken' || by === undefined) return [];
  return [
    `the ${what} ${quoted(item.publicName)} of ${item.server.name} is hidden: ${by.server.name} has one of that name`,
  ];
}

function beyondLimits({ limits = {} }: CatalogSurface, { hidden, lists }: Exposure): string[] {
  const beyond = hidden.filter(({ why }) => why === 'limit');
  const [first] = beyond;
  if (first === undefined) return [];
  const wanted = [
    ...(limits.tools === undefined ? [] : [`${limits.tools} tools`]),
    ...(limits.schemaBytes === undefined ? [] : [`${limits.schemaBytes} bytes of schemas`]),
  ].join(' and ');
  const from = `${lists.tools.length + beyond.length} tools were chosen, the limits are ${wanted}`;
  return [`${from}: ${beyond.length} are hidden, from ${quoted(first.item.publicName)} on`];
}

function tooMany({ lists }: Exposure): string[] {
  const filling = lists.tools.filter(({ deferred }) => !deferred).length;
  if (filling <= LIMITS.surfaceToolsAdvisedMax) return [];
  return [`${filling} tools are not deferred; models choose well among at most ${LIMITS.surfaceToolsAdvisedMax}`];
}

/** Pairs of tools between which a model can hardly choose. Only those of about as many words are compared. */
function similar(tools: readonly ExposedItem[]): string[] {
  const described = tools
    .map((tool) => ({ name: tool.publicName, words: wordsOf(tool.shown().description) }))
    .filter(({ words }) => words.size > 0)
    .sort((a, b) => a.words.size - b.words.size);
  const warnings: string[] = [];
  for (const [index, one] of described.entries()) {
    for (let next = index + 1; next < described.length; next += 1) {
      const other = described[next]!;
      if (one.words.size < SIMILARITY_MIN * other.words.size || warnings.length >= LIMITS.surfaceWarningsMax) break;
      if (jaccard(one.words, other.words) < SIMILARITY_MIN) continue;
      const [first, second] = [one.name, other.name].sort();
      warnings.push(`the tools ${quoted(first!)} and ${quoted(second!)} have nearly the same description`);
    }
  }
  return warnings;
}

function wordsOf(description: unknown): ReadonlySet<string> {
  if (typeof description !== 'string') return new Set();
  const text = description
    .slice(0, LIMITS.similarWordsMax * 10)
    .normalize('NFKC')
    .toLowerCase();
  return new Set((text.match(/[\p{L}\p{N}]+/gu) ?? []).slice(0, LIMITS.similarWordsMax));
}

function jaccard(one: ReadonlySet<string>, other: ReadonlySet<string>): number {
  let common = 0;
  for (const word of one) if (other.has(word)) common += 1;
  return common / (one.size + other.size - common);
}

/** Servers write names, so they are shown as JSON, and only so far. */
function quoted(text: string): string {
  return JSON.stringify(text.slice(0, LIMITS.toolNameCharsMax));
}
