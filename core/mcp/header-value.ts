// Decides how a text looks as the value of an HTTP header, and what text such a value is.

const PREFIX = '=?base64?';
const SUFFIX = '?=';
/** Of which a header's value can consist: visible ASCII, spaces and tabs between. */
const PLAIN = /^(?:[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?)?$/;

/**
 * "Values that contain non-ASCII characters, control characters or leading or trailing whitespace, or that match the
 * pattern themselves, MUST be Base64-encoded" (MCP 2026-07-28, transports, "Value Encoding").
 */
export function encodeHeaderValue(text: string): string {
  const isPlain = PLAIN.test(text) && !(text.startsWith(PREFIX) && text.endsWith(SUFFIX));
  return isPlain ? text : `${PREFIX}${Buffer.from(text).toString('base64')}${SUFFIX}`;
}

/** Null: it is encoded, and wrongly. "Case-sensitive; optional whitespace around it is not part of it." */
export function decodeHeaderValue(value: string): string | null {
  const trimmed = value.replace(/^[\t ]+|[\t ]+$/g, '');
  if (!(trimmed.startsWith(PREFIX) && trimmed.endsWith(SUFFIX))) return trimmed;
  const encoded = trimmed.slice(PREFIX.length, -SUFFIX.length);
  const bytes = Buffer.from(encoded, 'base64');
  // Buffer reads more than one spelling of the same bytes, and some that are no spelling of any.
  if (trimmed.length < PREFIX.length + SUFFIX.length || bytes.toString('base64') !== encoded) return null;
  const text = bytes.toString();
  return Buffer.from(text).equals(bytes) ? text : null;
}
