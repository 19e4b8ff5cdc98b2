// Decides which files may take in which others, who may touch the process, and what a file must say of itself.
import { dirname, join } from 'node:path/posix';

export interface Source {
  /** From the root of the checkout. */
  readonly path: string;
  readonly text: string;
}

/** What each folder's own source may take in of the others. The processes share `core` and nothing else. */
const FOLDERS: Readonly<Record<string, readonly string[]>> = {
  core: [],
  controlplane: ['core', 'proto', 'envoy'],
  'ext-proc': ['core'],
  'ext-authz': ['core'],
  bridge: ['core'],
  proto: ['core'],
  envoy: ['core'],
  // Beside the API it reads only the files of the home folder.
  cli: ['core', 'envoy', 'controlplane/keys'],
  bench: ['core', 'envoy', 'cli'],
  test: ['core', 'controlplane', 'ext-proc', 'ext-authz', 'bridge', 'proto', 'envoy', 'cli', 'bench'],
};

const BASE = ['errors', 'limits', 'contract', 'json'];
/** The same inside `core`; those of BASE take in nothing at all, not even a package. */
const CORE: Readonly<Record<string, readonly string[]>> = {
  mcp: BASE,
  session: BASE,
  policy: [...BASE, 'mcp'],
  arguments: [...BASE, 'mcp', 'policy'],
  catalog: [...BASE, 'mcp', 'policy', 'arguments'],
  runtime: BASE,
  grpc: [...BASE, 'runtime'],
  identity: [...BASE, 'policy', 'catalog', 'runtime'],
  'ledger-client': [...BASE, 'mcp', 'policy', 'catalog', 'runtime'],
  'xds-client': [...BASE, 'policy', 'catalog', 'grpc', 'runtime'],
};

/** Packages that only some folders may take in. */
const PACKAGES: readonly { readonly name: string; readonly folders: readonly string[] }[] = [
  { name: '@bufbuild/protobuf', folders: ['proto/'] },
  { name: 'protobufjs', folders: ['core/grpc/', 'ext-authz/'] },
  { name: 'kysely', folders: ['controlplane/registry/'] },
  { name: 'better-sqlite3', folders: ['controlplane/registry/'] },
  { name: '@bufbuild/cel', folders: ['core/policy/cel/'] },
  { name: 're2js', folders: ['core/policy/', 'core/arguments/'] },
  { name: 'ajv', folders: ['core/arguments/'] },
  { name: 'vitest', folders: ['vitest.config.ts'] },
];

const MAY_TOUCH_PROCESS = /(^|\/)(config|main)\.ts$|^core\/runtime\/|^cli\/|^bench\/|\.[cm]js$/;
const EMPTY_NAMES = /(^|[-./])(utils?|helpers?|common|misc|managers?)([-./]|$)/;

/** Test source: it spans folders, and stands in for processes. */
function isTest(path: string): boolean {
  return /\.test\.ts$|^test\/|\/(fixtures|testdata)\/|\/testbed\.ts$|^vitest\.config\.ts$/.test(path);
}

// White space or comments, as they may stand between any two words.
const GAP = String.raw`(?:\s|/\*[\s\S]*?\*/|//[^\n]*\n)*`;
const QUOTED = String.raw`(?:'([^'\n]*)'|"([^"\n]*)"|\x60([^\x60]*)\x60)`;
const TAKES = new RegExp(String.raw`\b(?:from|import|require)${GAP}${QUOTED}`, 'g');
const CALLS = new RegExp(
  String.raw`(?<![.\w$])(?:import|require|require\.resolve|import\.meta\.resolve)${GAP}\(${GAP}(?:${QUOTED}${GAP}(?=[,)]))?`,
  'g',
);
const URLS = new RegExp(String.raw`\bnew URL\(${GAP}${QUOTED}${GAP},${GAP}import\.meta\.url`, 'g');

const TOUCHES = [
  /(?<![.\w$]|globalThis\.)process\s*(?:\?\.|\.)\s*(?:env|exit|exitCode|abort|on|once|off|addListener|removeListener|removeAllListeners|prependListener|emit)\b/,
  /\bglobalThis\s*\.\s*process\b/,
  /(?<![.\w$])process\s*(?:\?\.)?\[/,
  /=\s*process\s*(?:[;,)\n]|$)/,
];

/** One sentence for each broken rule, with its mend. */
export function violationsOf({ path, text }: Source): string[] {
  const say = (what: string): string => `${path}: ${what}`;
  const violations: string[] = [];
  if (EMPTY_NAMES.test(path)) violations.push(say('has a name that says nothing: name it after what it decides'));
  if (path.endsWith('.ts') && !path.endsWith('.test.ts') && !opens(text)) {
    violations.push(say('does not open with one sentence "// Decides …." that says what it decides'));
  }
  // Tests may take in what they like: they are what spans folders.
  if (isTest(path)) return violations;
  if (path.endsWith('.ts')) {
    const { specifiers, computed } = importsOf(text);
    if (computed)
      violations.push(
        say('has a computed import: name the file in a literal, so that it can be seen what is taken in'),
      );
    for (const specifier of specifiers) {
      const mend = mendOf(path, specifier);
      if (mend !== null)
        violations.push(say(`imports ${specifier.startsWith('.') ? resolved(path, specifier) : specifier}: ${mend}`));
    }
    const named = specifiers.some((specifier) => specifier === 'process' || specifier === 'node:process');
    if (!MAY_TOUCH_PROCESS.test(path) && (named || TOUCHES.some((pattern) => pattern.test(withoutComments(text))))) {
      violations.push(
        say('touches the process: let config.ts, main.ts or core/runtime do it, and hand in what it gives'),
      );
    }
  }
  return violations;
}

function opens(text: string): boolean {
  const lines = text.replace(/^#!.*\n/, '').split('\n');
  const end = lines.findIndex((line) => !line.startsWith('//'));
  const sentence = lines.slice(0, end < 0 ? lines.length : end).join(' ');
  return sentence.startsWith('// Decides ') && sentence.endsWith('.');
}

function importsOf(text: string): { readonly specifiers: readonly string[]; readonly computed: boolean } {
  const specifiers = new Set<string>();
  let computed = false;
  for (const pattern of [TAKES, CALLS, URLS]) {
    for (const match of text.matchAll(pattern)) {
      const specifier = match[1] ?? match[2] ?? match[3];
      if (specifier === undefined || specifier.includes('${')) computed = true;
      else specifiers.add(specifier);
    }
  }
  return { specifiers: [...specifiers], computed };
}

/** Lines of comments, and what follows `//` behind code: enough for a rule about words. */
function withoutComments(text: string): string {
  return text.replace(/^\s*(?:\/\/|\/?\*).*$/gm, '').replace(/\s\/\/ .*$/gm, '');
}

function resolved(path: string, specifier: string): string {
  return join(dirname(path), specifier);
}

/** null when the file may take it in. */
function mendOf(path: string, specifier: string): string | null {
  const part = path.split('/');
  const corePart = part[0] === 'core' ? (part[1] ?? '').replace(/\.ts$/, '') : null;
  if (corePart !== null && BASE.includes(corePart)) return `core/${corePart} takes in nothing`;
  if (!specifier.startsWith('.')) {
    const row = PACKAGES.find(({ name }) => specifier === name || specifier.startsWith(`${name}/`));
    if (row === undefined || row.folders.some((folder) => path.startsWith(folder))) return null;
    return `only ${row.folders.join(' and ')} may`;
  }
  const target = resolved(path, specifier).split('/');
  const [from = '', to = ''] = [part[0], target[0]];
  const allowed = FOLDERS[from]?.some((folder) => `${target.join('/')}/`.startsWith(`${folder}/`)) === true;
  if (from !== to) return allowed ? null : `${from} may take in ${['itself', ...(FOLDERS[from] ?? [])].join(', ')}`;
  if (corePart === null) return null;
  const toPart = (target[1] ?? '').replace(/\.ts$/, '');
  if (toPart === corePart || CORE[corePart]?.includes(toPart) === true) return null;
  return `core/${corePart} may take in ${['itself', ...(CORE[corePart] ?? [])].join(', ')}`;
}
