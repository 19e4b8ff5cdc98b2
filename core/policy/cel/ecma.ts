// Decides how a pattern of a rule looks in a JSON schema, whose patterns are ECMAScript's.

/** A text that matches itself alone. */
export function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}

/** What RE2 says in its own way: flags, names of groups, classes of POSIX and Unicode, other anchors, white space, quoting. */
const ONLY_RE2 = /\(\?(?!:)|\[\[:|\\[ACEPQSUZapsvxz0-7]|\\$/;
/** An escape, a class, or a dot. */
const PARTS = /\\.|\[(?:\\.|[^\]\\])*\]|\./gs;

/** The same pattern, if ECMAScript reads it as RE2 does; otherwise null. */
export function advertisable(pattern: string): string | null {
  if (ONLY_RE2.test(pattern)) return null;
  // RE2's dot is everything but a line feed; ECMAScript's leaves out three more characters.
  const written = pattern.replace(PARTS, (part) => (part === '.' ? '[^\\n]' : part));
  try {
    // A client may compile it in either way.
    new RegExp(written, 'u');
    new RegExp(written);
    return written;
  } catch {
    return null;
  }
}
