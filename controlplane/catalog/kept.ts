// Decides what of a map, that was made of another one, is made anew when that other one changes.

type Entries<Value> = readonly (readonly [string, Value])[];

/** The entries that are other than in `before`; null when it has other names, or another order. */
export function changedEntries<Value>(
  before: ReadonlyMap<string, Value>,
  after: ReadonlyMap<string, Value>,
): Entries<Value> | null {
  if (before === after) return [];
  if (before.size !== after.size) return null;
  const entries = before.entries();
  const changed: [string, Value][] = [];
  for (const [name, value] of after) {
    const [name0, value0] = entries.next().value!;
    if (name !== name0) return null;
    if (value !== value0) changed.push([name, value]);
  }
  return changed;
}

/** `before` itself when both have the same entries in the same order. */
export function kept<Value>(
  before: ReadonlyMap<string, Value> | undefined,
  after: ReadonlyMap<string, Value>,
): ReadonlyMap<string, Value> {
  return before !== undefined && changedEntries(before, after)?.length === 0 ? before : after;
}

/** `before` with other values for some of its names; itself when they are its own. */
export function patched<Value>(
  before: ReadonlyMap<string, Value>,
  entries: Entries<Value>,
): ReadonlyMap<string, Value> {
  const other = entries.filter(([name, value]) => before.get(name) !== value);
  if (other.length === 0) return before;
  const after = new Map(before);
  for (const [name, value] of other) after.set(name, value);
  return after;
}

/** One map made of another. */
export interface Mapping<From, To> {
  readonly from: ReadonlyMap<string, From>;
  readonly to: ReadonlyMap<string, To>;
}

/** A value for each entry; what was made of an entry that is the same as before is kept. */
export function mapped<From, To>(
  from: ReadonlyMap<string, From>,
  before: Mapping<From, To> | undefined,
  make: (value: From, name: string, earlier: To | undefined) => To,
): ReadonlyMap<string, To> {
  if (before?.from === from) return before.to;
  const changed = before === undefined ? null : changedEntries(before.from, from);
  if (before !== undefined && changed !== null) {
    return patched(
      before.to,
      changed.map(([name, value]) => [name, make(value, name, before.to.get(name))] as const),
    );
  }
  const to = new Map<string, To>();
  for (const [name, value] of from) {
    const earlier = before?.to.get(name);
    to.set(name, earlier !== undefined && before?.from.get(name) === value ? earlier : make(value, name, earlier));
  }
  return to;
}

/** `before` itself where both say the same. */
export function asBefore<Value>(before: Value | undefined, after: Value): Value {
  return before !== undefined && JSON.stringify(before) === JSON.stringify(after) ? before : after;
}
