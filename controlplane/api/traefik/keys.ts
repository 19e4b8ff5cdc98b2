// Decides what a key of Traefik's expressions means for a call of one method, in CEL.
import { type Call, Untranslatable } from './expression.ts';

export interface Method {
  readonly name: string;
  readonly kind: 'tool' | 'prompt' | 'resource';
  /** What names its target: `mcp.params.name` or `mcp.params.uri`; null: neither. */
  readonly param: 'name' | 'uri' | null;
}

/** Methods that rules speak of. All others need none here. */
export const METHODS: readonly Method[] = [
  { name: 'tools/call', kind: 'tool', param: 'name' },
  { name: 'prompts/get', kind: 'prompt', param: 'name' },
  { name: 'completion/complete', kind: 'prompt', param: null },
  { name: 'resources/read', kind: 'resource', param: 'uri' },
  { name: 'resources/subscribe', kind: 'resource', param: 'uri' },
  { name: 'resources/unsubscribe', kind: 'resource', param: 'uri' },
  { name: 'completion/complete', kind: 'resource', param: null },
];

export type Meant =
  /** Known beforehand. */
  | { readonly is: 'text'; readonly text: string }
  /** It is not there, or an object, of which every function is false. */
  | { readonly is: 'nothing' }
  /** The name of the target: always a string. */
  | { readonly is: 'name' }
  /** `there` is true when the path leads to something; never an error. */
  | { readonly is: 'value'; readonly there: string; readonly cel: string };

export function meantBy({ text: key, at }: Call['args'][number], method: Method): Meant {
  const path = keyPath(key);
  const [root, ...rest] = path;
  if (path.includes('') || key.includes('${'))
    throw new Untranslatable(`found the key "${key}", wanted a dotted path`, at);
  if (root === 'jwt') return rest.length === 0 ? { is: 'nothing' } : valueAt('jwt', rest);
  const place = path.slice(0, 3).join('.');
  if (path.length === 2 && place === 'mcp.method') return { is: 'text', text: method.name };
  if (path.length === 3 && (place === 'mcp.params.name' || place === 'mcp.params.uri'))
    return place === `mcp.params.${method.param}` ? { is: 'name' } : { is: 'nothing' };
  if (place === 'mcp.params.arguments' && path.length === 3) return { is: 'nothing' };
  if (place === 'mcp.params.arguments')
    return method.param === 'name' ? valueAt('args', path.slice(3)) : { is: 'nothing' };
  const wanted = 'wanted mcp.method, mcp.params.name, mcp.params.uri, mcp.params.arguments.… or jwt.…';
  throw new Untranslatable(`found the key "${key}", ${wanted}`, at);
}

/** `\.` is a dot in a name, `\\` a backslash. */
function keyPath(key: string): readonly string[] {
  const steps: string[] = [];
  let step = '';
  for (const [piece] of key.matchAll(/\\[.\\]|[\s\S]/g)) {
    if (piece === '.') {
      steps.push(step);
      step = '';
    } else step += piece.at(-1);
  }
  return [...steps, step];
}

function valueAt(root: string, path: readonly string[]): Meant {
  const conditions: string[] = [];
  let cel = root;
  for (const [index, key] of path.entries()) {
    const isPlain = isName(key);
    const member = isPlain ? `${cel}.${key}` : `${cel}[${literal(key)}]`;
    // A path through what is no object leads nowhere; asked about it, has() would fail.
    if (index > 0) conditions.push(`kindOf(${cel}) == "object"`);
    conditions.push(isPlain ? `has(${member})` : `${literal(key)} in ${cel}`);
    cel = member;
  }
  return { is: 'value', there: conditions.join(' && '), cel };
}

const RESERVED = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while'.split(
    ' ',
  ),
);

function isName(key: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(key) && !RESERVED.has(key);
}

/** As a string of CEL, which has JSON's escapes. */
export function literal(text: string): string {
  return JSON.stringify(text);
}
