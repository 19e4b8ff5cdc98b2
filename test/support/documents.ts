// Decides how a test writes a server document, and reads what is wrong with any.
import { parseDocument } from '../../core/catalog/document.ts';

/** `path: message` of each problem; none for a good document. */
export function problemsOf(value: unknown): string[] {
  const result = parseDocument(value);
  return 'problems' in result ? result.problems.map(({ path, message }) => `${path.join('.')}: ${message}`) : [];
}

export const endpoint = (url: string) => ({ url });
/** One version `1` with these members. */
export const server = (version: object, over: object = {}) => ({
  kind: 'Server',
  name: 'a',
  versions: [{ version: '1', ...version }],
  ...over,
});
export const HTTP = { endpoints: [endpoint('http://127.0.0.1:3001/mcp')] };
