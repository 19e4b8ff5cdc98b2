// Decides what of a tool is pinned: all that its server lists of it.
import type { Discovered, Listed } from '../../core/catalog/catalog.ts';
import { listedName } from '../../core/catalog/names.ts';
import { canonicalJson, contentHash } from '../../core/runtime/canonical.ts';

export interface Definition {
  readonly tool: Listed;
  /** As clients without capabilities are shown it; absent: they are shown the same, or nothing. */
  readonly bare?: Listed;
}

/** Which definition something is: hex. */
export function definitionHash(definition: Definition): string {
  return contentHash(definition);
}

/** By name, in the order of the server's list. */
export function definitionsOf({ tools: { bare, full } }: Discovered): ReadonlyMap<string, Definition> {
  const without = bare === full ? NONE : new Map(bare.map((item) => [listedName(item, 'name'), item]));
  const found = new Map<string, Definition>();
  for (const tool of full) {
    const name = listedName(tool, 'name');
    const other = without.get(name);
    const differs = other !== undefined && other !== tool && canonicalJson(other) !== canonicalJson(tool);
    found.set(name, differs ? { tool, bare: other } : { tool });
  }
  for (const [name, tool] of without) if (!found.has(name)) found.set(name, { tool });
  return found;
}

const NONE: ReadonlyMap<string, Listed> = new Map();

/** What a tool says and takes, whatever it is called: what has the same is the same tool under another name. */
export function bodyHash({ tool: { description, inputSchema, outputSchema } }: Definition): string {
  return contentHash({ description, inputSchema, outputSchema });
}
