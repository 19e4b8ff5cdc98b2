// Decides how words of others (servers, documents, nodes) are shown on a terminal without steering it.
import { visit, Document as YamlDocument } from 'yaml';

/** Control characters, line separators, what reorders or hides text, halves of characters. */
const UNSAFE = /[\p{Cc}\p{Cs}\u2028\u2029\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]/gu;

const writtenOut = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** One line of text: everything that is not to be seen as itself is written out, e.g. `\u001b`. */
export function oneLine(text: string): string {
  return text.replace(UNSAFE, writtenOut);
}

/** Indented JSON of the same value. */
export function safeJson(value: unknown): string {
  // Outside of strings JSON has no such character but its line ends, and inside they may always be written out.
  return `${JSON.stringify(value, null, 2).replace(UNSAFE, (found) => (found === '\n' ? found : writtenOut(found)))}\n`;
}

/** One YAML document of the same value. */
export function safeYaml(value: unknown): string {
  const document = new YamlDocument(value, { aliasDuplicateObjects: false });
  visit(document, {
    Scalar(_, scalar) {
      // Only a double-quoted scalar can have its characters written out.
      if (typeof scalar.value === 'string' && scalar.value.replaceAll('\n', '').search(UNSAFE) >= 0)
        scalar.type = 'QUOTE_DOUBLE';
    },
  });
  const text = document.toString({ lineWidth: 0 });
  return text.replace(UNSAFE, (found) => (found === '\n' ? found : writtenOut(found)));
}
