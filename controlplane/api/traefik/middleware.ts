// Decides what a file of Traefik says of its MCP middleware, with the place of each thing in the file.
import { isMap, isScalar, isSeq, LineCounter, type Node, parseAllDocuments, type Scalar, type YAMLMap } from 'yaml';
import { Untranslatable } from './expression.ts';

/** Lines and columns count from 1. */
export interface FileProblem {
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

export interface WrittenPolicy {
  readonly match: string;
  readonly action: string;
  /** Of a place in the expression. */
  readonly placeOf: (at: number) => { readonly line: number; readonly column: number };
  readonly actionPlace: { readonly line: number; readonly column: number };
}

export interface Middleware {
  /** metadata.name, or its key in a file provider's document. */
  readonly name: string | null;
  readonly policies: readonly WrittenPolicy[];
  readonly defaultAction: string | null;
  readonly listPolicies: readonly WrittenPolicy[];
  readonly listDefaultAction: string | null;
  readonly place: { readonly line: number; readonly column: number };
  readonly notes: readonly string[];
}

/** Members that say nothing of who may call what. */
const BESIDE: ReadonlySet<string> = new Set(['resourceMetadata', 'gracefulErrors']);
const MEMBERS: ReadonlySet<string> = new Set([
  'policies',
  'defaultAction',
  'listPolicies',
  'listDefaultAction',
  ...BESIDE,
]);

/** Total. */
export function readMiddleware(text: string): Middleware | { readonly problem: FileProblem } {
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false });
  const place = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  const reader = new FileReader(text, place);
  try {
    for (const { errors } of documents) {
      const [error] = errors;
      if (error !== undefined) throw new Untranslatable(error.message.split('\n')[0] ?? '', error.pos[0]);
    }
    const found = documents.flatMap(({ contents }) => reader.middlewares(contents));
    const [only] = found;
    if (only === undefined) throw new Untranslatable('there is no MCP middleware (spec.plugin.mcp) in it', 0);
    if (found.length > 1)
      throw new Untranslatable(`there are ${found.length} MCP middlewares in it: import each by itself`, found[1]!.at);
    return reader.middleware(only.name, only.map, only.at);
  } catch (error) {
    if (!(error instanceof Untranslatable)) throw error;
    return { problem: { ...place(error.at), message: error.message } };
  }
}

interface Found {
  readonly name: string | null;
  readonly map: YAMLMap;
  readonly at: number;
}

class FileReader {
  readonly #text: string;
  readonly #place: (offset: number) => { line: number; column: number };
  constructor(text: string, place: (offset: number) => { line: number; column: number }) {
    this.#text = text;
    this.#place = place;
  }

  /** As Kubernetes has it, as a file provider has it, or the policies alone. */
  middlewares(contents: unknown): readonly Found[] {
    if (!isMap(contents)) return [];
    const found = (name: string | null, map: unknown): Found[] =>
      isMap(map) ? [{ name, map, at: map.range?.[0] ?? 0 }] : [];
    const inKubernetes = found(textAt(contents, ['metadata', 'name']), contents.getIn(['spec', 'plugin', 'mcp'], true));
    const named = contents.getIn(['http', 'middlewares'], true);
    const inFile = isMap(named)
      ? named.items.flatMap(({ key, value }) =>
          isMap(value) ? found(isScalar(key) ? String(key.value) : null, value.getIn(['plugin', 'mcp'], true)) : [],
        )
      : [];
    return [...inKubernetes, ...inFile, ...(contents.has('policies') ? found(null, contents) : [])];
  }

  middleware(name: string | null, map: YAMLMap, at: number): Middleware {
    const notes: string[] = [];
    for (const { key } of map.items) {
      const member = isScalar(key) ? String(key.value) : '';
      if (!MEMBERS.has(member)) throw new Untranslatable(`"${member}" has no translation`, offsetOf(key));
      if (BESIDE.has(member)) notes.push(`"${member}" was left out: it is said of a surface, not in a policy`);
    }
    return {
      name,
      policies: this.#policies(map, 'policies'),
      defaultAction: this.#text1(map, 'defaultAction'),
      listPolicies: this.#policies(map, 'listPolicies'),
      listDefaultAction: this.#text1(map, 'listDefaultAction'),
      place: this.#place(at),
      notes,
    };
  }

  #text1(map: YAMLMap, key: string): string | null {
    const node = map.get(key, true);
    if (node === undefined) return null;
    if (isScalar(node) && typeof node.value === 'string') return node.value;
    throw new Untranslatable(`${key} must be a text`, offsetOf(node));
  }

  #policies(map: YAMLMap, key: string): readonly WrittenPolicy[] {
    const list = map.get(key, true) as Node | undefined;
    if (list === undefined) return [];
    if (!isSeq(list)) throw new Untranslatable(`${key} must be a list`, offsetOf(list));
    return list.items.map((item) => this.#policy(item, key));
  }

  #policy(item: unknown, key: string): WrittenPolicy {
    if (!isMap(item))
      throw new Untranslatable(`${key} must be a list of objects with match and action`, offsetOf(item));
    for (const { key: member } of item.items) {
      if (isScalar(member) && (member.value === 'match' || member.value === 'action')) continue;
      throw new Untranslatable(
        `"${isScalar(member) ? member.value : ''}" of a policy has no translation`,
        offsetOf(member),
      );
    }
    const match = item.get('match', true);
    const action = item.get('action', true);
    if (!isScalar(match) || typeof match.value !== 'string')
      throw new Untranslatable('a policy has a match', offsetOf(match ?? item));
    if (!isScalar(action) || typeof action.value !== 'string')
      throw new Untranslatable('a policy has an action', offsetOf(action ?? item));
    return {
      match: match.value,
      action: action.value,
      placeOf: (at) => this.#place(this.#inScalar(match as Scalar<string>, at)),
      actionPlace: this.#place(offsetOf(action)),
    };
  }

  /** Where a character of a text stands in the file, in whichever style the text is written. */
  #inScalar(scalar: Scalar<string>, at: number): number {
    let place = scalar.range?.[0] ?? 0;
    if (scalar.type?.startsWith('BLOCK') === true) place = this.#text.indexOf('\n', place) + 1;
    else if (scalar.type?.startsWith('QUOTE') === true) place++;
    // Styles differ in white space only: the others come in the same order.
    for (const character of scalar.value.slice(0, at + 1)) {
      if (/\s/.test(character)) continue;
      while (place < this.#text.length && this.#text[place] !== character) place++;
      place++;
    }
    return Math.max(0, place - 1);
  }
}

function offsetOf(node: unknown): number {
  return (node as Node | null | undefined)?.range?.[0] ?? 0;
}

function textAt(map: YAMLMap, path: readonly string[]): string | null {
  const value = map.getIn(path);
  return typeof value === 'string' ? value : null;
}
