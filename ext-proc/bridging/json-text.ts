// Decides where the members of an object lie in JSON text that is known to be valid, so that they can be changed and no other byte is.

/** Positions in the text; `end` is exclusive. */
export interface Member {
  /** Where its key begins. */
  readonly from: number;
  /** Where its value begins and ends. */
  readonly start: number;
  readonly end: number;
}

export type Members = ReadonlyMap<string, Member>;

const NONE: Members = new Map();

/** Of an object; of any other value none. The text was scanned before: valid, without repeated keys. Total for such text. */
export function membersOf(text: string): Members {
  const start = skipSpace(text, 0);
  if (text[start] !== '{') return NONE;
  const members = new Map<string, Member>();
  let at = skipSpace(text, start + 1);
  while (text[at] === '"') {
    const keyEnd = skipString(text, at);
    const valueStart = skipSpace(text, skipSpace(text, keyEnd) + 1);
    const valueEnd = skipValue(text, valueStart);
    // A string by itself is read right also by a JSON.parse that misreads escaped keys of objects.
    members.set(JSON.parse(text.slice(at, keyEnd)) as string, { from: at, start: valueStart, end: valueEnd });
    at = skipSpace(text, valueEnd);
    if (text[at] === ',') at = skipSpace(text, at + 1);
    else break;
  }
  return members;
}

/** The text of a member's value; null where there is none. */
export function memberText(text: string, name: string): string | null {
  const member = membersOf(text).get(name);
  return member === undefined ? null : text.slice(member.start, member.end);
}

/** A member that is a string; null for any other. */
export function memberString(text: string, name: string): string | null {
  const value = memberText(text, name);
  return value?.startsWith('"') === true ? (JSON.parse(value) as string) : null;
}

/** The object without these members. */
export function withoutMembers(text: string, names: ReadonlySet<string>): string {
  const members = membersOf(text);
  if (![...members.keys()].some((name) => names.has(name))) return text;
  const all = [...members.values()];
  const kept = [...members].filter(([name]) => !names.has(name)).map(([, { from, end }]) => text.slice(from, end));
  return `${text.slice(0, all[0]!.from)}${kept.join(',')}${text.slice(all.at(-1)!.end)}`;
}

/** The object with this member, in the place of one of the same name; `value` is JSON text. What is no object is replaced. */
export function withMember(text: string, name: string, value: string): string {
  if (text[skipSpace(text, 0)] !== '{') return `{${JSON.stringify(name)}:${value}}`;
  const members = membersOf(text);
  const member = members.get(name);
  if (member !== undefined) return `${text.slice(0, member.start)}${value}${text.slice(member.end)}`;
  const inside = text.indexOf('{') + 1;
  const comma = members.size === 0 ? '' : ',';
  return `${text.slice(0, inside)}${JSON.stringify(name)}:${value}${comma}${text.slice(inside)}`;
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (at < text.length && text.charCodeAt(at) <= 0x20) at++;
  return at;
}

/** Behind the closing quotation mark. */
function skipString(text: string, from: number): number {
  for (let at = from + 1; at < text.length; at++) {
    const char = text[at];
    if (char === '\\') at++;
    else if (char === '"') return at + 1;
  }
  return text.length;
}

function skipValue(text: string, from: number): number {
  if (text[from] === '"') return skipString(text, from);
  let depth = 0;
  for (let at = from; at < text.length; at++) {
    const char = text[at];
    if (char === '"') at = skipString(text, at) - 1;
    else if (char === '{' || char === '[') depth++;
    else if (char === '}' || char === ']') {
      if (depth === 0) return at;
      depth--;
      if (depth === 0) return at + 1;
    } else if (depth === 0 && (char === ',' || text.charCodeAt(at) <= 0x20)) return at;
  }
  return text.length;
}
