// Decides which documents a YAML text holds, and at which line each part of one stands.
import {
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseAllDocuments,
  type Document as YamlDocument,
} from 'yaml';
import { type Problem, parseDocument } from '../../core/catalog/document.ts';

export interface Source {
  /** As a person named it. */
  readonly file: string;
  readonly text: string;
}

export interface Located extends Problem {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

export interface InputDocument {
  readonly value: unknown;
  /** Where the problem is, or the nearest part of the document that is there. */
  readonly locate: (problem: Problem) => Located;
}

export interface Input {
  readonly documents: readonly InputDocument[];
  /** Of the YAML itself; the documents are then not all. */
  readonly problems: readonly Located[];
}

/** Reads all documents of all texts (JSON is YAML). Total. */
export function readSources(sources: readonly Source[]): Input {
  const documents: InputDocument[] = [];
  const problems: Located[] = [];
  for (const { file, text } of sources) {
    const lines = new LineCounter();
    const at = (offset: number): Pick<Located, 'line' | 'column'> => {
      const { line, col } = lines.linePos(offset);
      return { line: Math.max(1, line), column: Math.max(1, col) };
    };
    const parsed = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false });
    let found = 0;
    for (const document of Array.isArray(parsed) ? parsed : []) {
      // A tag that nobody knows is a warning to the parser, and a value that nobody meant to us.
      const faults = [...document.errors, ...document.warnings];
      for (const { pos, message } of faults)
        problems.push({ file, ...at(pos[0]), path: [], message: withoutQuote(message) });
      if (faults.length > 0) {
        found++;
        continue;
      }
      if (document.contents === null || (isScalar(document.contents) && document.contents.value === null)) continue;
      found++;
      const locate = (problem: Problem): Located => ({ ...problem, file, ...at(offsetOf(document, problem.path)) });
      try {
        documents.push({ value: document.toJS(), locate });
      } catch (error) {
        problems.push(locate({ path: [], message: withoutQuote((error as Error).message) }));
      }
    }
    if (found === 0) problems.push({ file, line: 1, column: 1, path: [], message: 'there is no document' });
  }
  return { documents, problems };
}

/**
 * What can be said of documents without the registry; for an input that cannot be sent because its YAML is broken, so
 * that a person reads all of its problems at once all the same.
 */
export function checkDocuments(documents: readonly InputDocument[]): readonly Located[] {
  const seen = new Set<string>();
  return documents.flatMap(({ value, locate }) => {
    const result = parseDocument(value);
    if ('problems' in result) return result.problems.map(locate);
    const { kind, name } = result.document;
    const key = `${kind}/${name}`;
    const twice = seen.has(key);
    seen.add(key);
    return twice ? [locate({ path: ['name'], message: `${kind} "${name}" is given twice` })] : [];
  });
}

/** Of a member its key, as a value that spans lines begins below it. */
function offsetOf(document: YamlDocument, path: readonly (string | number)[]): number {
  let node: unknown = document.contents;
  let offset = startOf(node) ?? document.range?.[0] ?? 0;
  for (const step of path) {
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(step));
      if (pair === undefined) return offset;
      offset = startOf(pair.key) ?? offset;
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(step)];
      offset = startOf(node) ?? offset;
    } else return offset;
  }
  return offset;
}

function startOf(node: unknown): number | undefined {
  return isNode(node) ? (node as Node).range?.[0] : undefined;
}

/** The parser's sentence without the piece of the text that it quotes at its end: that may be a piece of a secret. */
function withoutQuote(text: string): string {
  return (text.split('\n')[0] ?? '').replace(/(: | `).*$/, '');
}
