// Decides how the tests of documents together are written: a row each, checked against what was stored before.
import { expect } from 'vitest';
import { parseNetworks } from '../../../core/catalog/networks.ts';
import { CERTIFICATE, PRIVATE_KEY } from '../../../test/support/pems.ts';
import { edited, editsOf, type Wanted } from '../edit.ts';
import { type DocumentName, readDocuments } from '../problem.ts';
import { createSeal } from '../seal.ts';
import { EMPTY_STATE, type State } from '../state.ts';
import { checkTogether } from '../together.ts';
import { OWN_ADDRESS } from './open.ts';

export const server = (name: string, ...versions: object[]) => ({
  kind: 'Server',
  name,
  versions: (versions.length === 0 ? [{}] : versions).map((version) => ({
    version: '1',
    ...('stdio' in version ? {} : { endpoints: [{ url: `http://127.0.0.1:3001/${name}` }] }),
    ...version,
  })),
});
export const surface = (name: string, servers: string[], rest: object = {}) => ({
  kind: 'Surface',
  name,
  servers: servers.map((member) => ({ server: member })),
  ...rest,
});
export const policy = (rule: object) => ({
  kind: 'Policy',
  name: 'p',
  version: 'tbac/v1',
  rules: [{ id: 'r', effect: 'allow', ...rule }],
});
export const opaque = (name: string, rest: object = { value: 'x' }) => ({ kind: 'Secret', name, ...rest });
export const pem = { certificate: CERTIFICATE, privateKey: PRIVATE_KEY };
export const tls = (name: string) => ({ kind: 'Secret', name, type: 'tls', ...pem });
export const stdio = { stdio: { command: 'node' } };
export const at = (...urls: string[]) => ({ endpoints: urls.map((url) => ({ url })) });
export const bearer = (secret: string) => ({ auth: { type: 'bearer', secret } });
export const oauth = (tokenUrl: string) => ({ auth: { type: 'oauth', tokenUrl, clientId: 'c', secret: 'k' } });
export const withEnv = (secret: string) => ({ stdio: { command: 'node', env: { A: 'plain', B: { secret } } } });
export const clientCertificate = (name: string) => ({
  ...at('https://example.com/mcp'),
  tls: { clientCertificate: name },
});
export const state = (name: string, version = '1') =>
  name === 'canary' ? { version, state: name, canary: { percent: 5 } } : { version, state: name };

export interface Case {
  readonly name: string;
  readonly documents?: readonly unknown[];
  readonly deletes?: readonly DocumentName[];
  readonly stored?: readonly unknown[];
  readonly host?: string;
  readonly runDir?: string;
  readonly networks?: readonly string[];
  readonly rollback?: boolean;
  /** The author says why; unless it is said, he does. */
  readonly reasoned?: boolean;
  /** `document path message`, each as far as the case cares. */
  readonly problems: readonly string[];
}

const seal = createSeal(Buffer.alloc(32));
const want = (documents: readonly unknown[], deletes: readonly DocumentName[] = []): Wanted => ({
  ...readDocuments(documents),
  deletes,
  documents: documents.length,
});
const written = (wanted: Wanted, before = EMPTY_STATE) => edited(before, editsOf(before, wanted, seal, 1_000), 1_000);

const walked = (): never => {
  throw new Error('a check walked over everything that is stored; wanted a question to an index');
};

/** Answers questions, but cannot be walked over. */
function indexOnly<Value>(map: ReadonlyMap<string, Value>): ReadonlyMap<string, Value> {
  const walks = { values: walked, keys: walked, entries: walked, forEach: walked, [Symbol.iterator]: walked };
  return Object.assign(new Map(map), walks);
}

function indexesOf(state: State): State {
  const documents = Object.fromEntries(Object.entries(state.documents).map(([kind, map]) => [kind, indexOnly(map)]));
  return {
    ...state,
    documents: documents as State['documents'],
    references: indexOnly(state.references),
    versions: indexOnly(state.versions),
    secrets: indexOnly(state.secrets),
  };
}

export function checkCase({
  documents = [],
  deletes = [],
  stored = [],
  rollback = false,
  reasoned = true,
  problems,
  ...rest
}: Case): void {
  const { host = '127.0.0.1', runDir = '/run/chancery', networks: items = ['public', 'loopback'] } = rest;
  const networks = parseNetworks(items);
  if ('problem' in networks) throw new Error(networks.problem);
  const before = written(want(stored));
  const wanted = { ...want(documents, deletes), ...(rollback ? { source: 1 } : {}) };
  const [stand, after] = [before, written(wanted, before)].map(indexesOf);
  const together = checkTogether(wanted, stand!, after!, { host, runDir, networks, own: OWN_ADDRESS }, reasoned);
  const found = [...wanted.problems, ...together].map(
    ({ document, path, message }) => `${document} ${path.join('.')} ${message}`,
  );
  expect(found).toHaveLength(problems.length);
  for (const [index, problem] of problems.entries()) expect(found[index]).toContain(problem);
}
