// Decides who is shown a definition of a tool that nobody has approved yet.
import type { Discovered, Listed, ListedFor, ServerVersion, ToolCandidate } from './catalog.ts';
import { type Chooser, isLedTo } from './choose.ts';
import { readAs } from './facts.ts';
import { listedName } from './names.ts';

// Versions are immutable: what is made of one goes with it. By the candidates' indexes.
const variants = new WeakMap<ServerVersion, Map<string, ServerVersion>>();
const keys = new WeakMap<ServerVersion, string>();

/**
 * The version as somebody is shown it: with the candidates that he is led to in the place of what is approved. He is known
 * by `<issuer> <subject>`, in a session too, so that each of his calls is checked against what he was shown. One object
 * for each set of candidates.
 */
export function shownTo(
  version: ServerVersion,
  { issuer, subject }: { issuer: string; subject: string },
): ServerVersion {
  const { candidates, discovered } = version;
  if (candidates === undefined || discovered === null) return version;
  const chooser: Chooser = { key: `${issuer} ${subject}`, subject };
  const led = candidates.flatMap((candidate, index) =>
    isLedTo(candidate, chooser, version.name, version.version) ? [index] : [],
  );
  if (led.length === 0) return version;
  const key = led.join();
  let known = variants.get(version);
  if (known === undefined) {
    known = new Map();
    variants.set(version, known);
  }
  const found = known.get(key);
  if (found !== undefined) return found;
  const chosen = led.map((index) => candidates[index]!);
  const made: ServerVersion = { ...version, discovered: withCandidates(discovered, chosen) };
  known.set(key, made);
  keys.set(made, key);
  return made;
}

/** What tells versions of one revision apart: two texts are equal only for the same tools. */
export function shownKey(version: ServerVersion): string {
  const key = keys.get(version);
  // No version has a line break.
  return key === undefined ? version.version : `${version.version}\n${key}`;
}

function withCandidates(discovered: Discovered, candidates: readonly ToolCandidate[]): Discovered {
  const { tools } = discovered;
  const bare = replaced(tools.bare, candidates, 'bare');
  const full = tools.full === tools.bare && candidates.every((each) => each.bare === each.full) ? bare : null;
  const shown: ListedFor = { ...tools, bare, full: full ?? replaced(tools.full, candidates, 'full') };
  return { ...discovered, tools: shown };
}

/** In the place of what is approved; what is new comes behind. */
function replaced(
  listed: readonly Listed[],
  candidates: readonly ToolCandidate[],
  list: 'bare' | 'full',
): readonly Listed[] {
  const left = new Map(candidates.map((candidate) => [candidate.tool, candidate]));
  const items = listed.map((item) => {
    const candidate = left.get(listedName(item, 'name'));
    if (candidate === undefined) return item;
    left.delete(candidate.tool);
    const other = candidate[list];
    if (other === null) return item;
    readAs(other, item);
    return other;
  });
  const fresh = [...left.values()].map((candidate) => candidate[list]).filter((item) => item !== null);
  for (const item of fresh) readAs(item, {});
  return [...items, ...fresh];
}
