// Decides what is told of a change of a tool: each place where its definition is another.
import { exactText, isObject, type Json, type JsonObject } from '../../core/json.ts';
import { LIMITS } from '../../core/limits.ts';
import type { Definition } from './definition.ts';
import { isSame, member, namesOf } from './members.ts';

export interface Difference {
  /** JSON pointer (RFC 6901) into the tool. */
  readonly path: string;
  readonly change: 'added' | 'removed' | 'changed';
  readonly before?: Json;
  readonly after?: Json;
}

/** Where a server shows clients without capabilities another definition, this is its member. */
export const BARE_MEMBER = 'withoutCapabilities';

/** In the order of names; what is nested beyond the bound is one difference. `before` null: the tool is new. Total. */
export function differences(before: Definition | null, after: Definition): readonly Difference[] {
  const found: Difference[] = [];
  walk(before === null ? undefined : wholeOf(before), wholeOf(after), '', 0, found);
  return found;
}

/** The members of the tool in which there is one. */
export function changedMembers(before: Definition | null, after: Definition): readonly string[] {
  const [old, now] = [before === null ? {} : wholeOf(before), wholeOf(after)];
  return namesOf(old, now).filter((name) => !isSame(member(old, name), member(now, name)));
}

function wholeOf({ tool, bare }: Definition): JsonObject {
  return bare === undefined ? tool : { ...tool, [BARE_MEMBER]: bare };
}

function walk(
  before: Json | undefined,
  after: Json | undefined,
  path: string,
  depth: number,
  found: Difference[],
): void {
  if (isSame(before, after)) return;
  const room = found.length < LIMITS.toolDifferencesMax;
  if (room && depth < LIMITS.schemaDepthMax && isNested(before) && isNested(after)) {
    for (const name of namesOf(before, after)) {
      const at = `${path}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
      walk(member(before, name), member(after, name), at, depth + 1, found);
    }
    return;
  }
  if (!room) return;
  const change = before === undefined ? 'added' : after === undefined ? 'removed' : 'changed';
  found.push({
    ...{ path, change },
    ...(before !== undefined && { before }),
    ...(after !== undefined && { after }),
  });
}

/** A number that is kept as it was written is one value. */
function isNested(value: Json | undefined): value is JsonObject {
  return isObject(value) && exactText(value) === null;
}
