// Decides how an immutable map with some entries changed comes from the one before, always in the order of its keys.

/** null takes an entry away. The very same map when nothing is another. Costs one copy, however many entries change. */
export function changedMap<Value>(
  map: ReadonlyMap<string, Value>,
  changes: Iterable<readonly [string, Value | null]>,
): ReadonlyMap<string, Value> {
  const added = new Map<string, Value>();
  let result: Map<string, Value> | null = null;
  // Of two changes of one entry, the later one.
  for (const [key, value] of new Map(changes)) {
    if (!map.has(key)) {
      if (value !== null) added.set(key, value);
    } else if (((result ?? map).get(key) ?? null) !== value) {
      result ??= new Map(map);
      // A changed entry keeps its place.
      if (value === null) result.delete(key);
      else result.set(key, value);
    }
  }
  return added.size === 0 ? (result ?? map) : merged(result ?? map, [...inOrder(added)]);
}

function merged<Value>(
  map: ReadonlyMap<string, Value>,
  added: readonly (readonly [string, Value])[],
): ReadonlyMap<string, Value> {
  const result = new Map<string, Value>();
  let place = 0;
  let next = added[place];
  for (const [key, value] of map) {
    while (next !== undefined && next[0] < key) {
      result.set(next[0], next[1]);
      place += 1;
      next = added[place];
    }
    result.set(key, value);
  }
  for (const [key, value] of added.slice(place)) result.set(key, value);
  return result;
}

/** By code unit. */
export function inOrder<Value>(entries: Iterable<readonly [string, Value]>): ReadonlyMap<string, Value> {
  return new Map([...entries].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}
