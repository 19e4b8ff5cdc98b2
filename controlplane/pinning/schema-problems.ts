// Decides which tools cannot be shown because nobody could check what they are called with.
import { setImmediate } from 'node:timers/promises';
import { compileSchema } from '../../core/arguments/schema.ts';
import { isObject } from '../../core/json.ts';
import { type Definition, definitionHash } from './definition.ts';

/** One sentence for an operator; null: it can be shown. Total. */
export function schemaProblem({ tool, bare }: Definition): string | null {
  for (const { inputSchema } of bare === undefined ? [tool] : [tool, bare]) {
    if (inputSchema === undefined) continue;
    const schema = isObject(inputSchema)
      ? compileSchema(inputSchema)
      : { ok: false as const, problem: 'it is no object' };
    if (!schema.ok) return `its inputSchema: ${schema.problem}`;
  }
  return null;
}

/** By hash, of those that are not among `known`. Each takes its time: others have theirs in between. */
export async function schemaProblems(
  definitions: Iterable<Definition>,
  known: ReadonlySet<string>,
): Promise<ReadonlyMap<string, string | null>> {
  const found = new Map<string, string | null>();
  for (const definition of definitions) {
    const hash = definitionHash(definition);
    if (known.has(hash) || found.has(hash)) continue;
    found.set(hash, schemaProblem(definition));
    await setImmediate();
  }
  return found;
}
