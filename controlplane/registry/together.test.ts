import { describe, expect, test } from 'vitest';
import type { Document } from '../../core/catalog/document.ts';
import { type DocumentName, readDocuments } from './problem.ts';
import { checkTogether } from './together.ts';

const server = (name: string, version: object = {}) => ({
  kind: 'Server',
  name,
  versions: [
    {
      version: '1',
      ...('stdio' in version ? {} : { endpoints: [{ url: `http://127.0.0.1:3001/${name}` }] }),
      ...version,
    },
  ],
});
const surface = (name: string, servers: string[], rest: object = {}) => ({
  kind: 'Surface',
  name,
  servers: servers.map((member) => ({ server: member })),
  ...rest,
});
const policy = (rule: object) => ({
  kind: 'Policy',
  name: 'p',
  version: 'tbac/v1',
  rules: [{ id: 'r', effect: 'allow', ...rule }],
});
const stdio = { stdio: { command: 'node' } };
const unix = (...urls: string[]) => ({ endpoints: urls.map((url) => ({ url })) });

interface Case {
  readonly name: string;
  readonly documents?: readonly unknown[];
  readonly deletes?: readonly DocumentName[];
  readonly stored?: readonly unknown[];
  readonly host?: string;
  readonly runDir?: string;
  /** `document path message`, each as far as the case cares. */
  readonly problems: readonly string[];
}

const cases: readonly Case[] = [
  { name: 'a surface may name a server given beside it', documents: [surface('s', ['a']), server('a')], problems: [] },
  {
    name: 'a surface may name a server that is stored',
    documents: [surface('s', ['a'])],
    stored: [server('a')],
    problems: [],
  },
  {
    name: 'a surface may not name a server that nobody gave',
    documents: [surface('s', ['a', 'b'])],
    stored: [server('a')],
    problems: ['0 servers.1.server no server is named "b"'],
  },
  {
    name: 'a surface is not blamed for a server that has problems of its own',
    documents: [{ ...server('a'), colour: 'red' }, surface('s', ['a'])],
    problems: ['0 colour unknown member "colour"'],
  },
  {
    name: 'a surface may not name one server twice',
    documents: [surface('s', ['a', 'a']), server('a')],
    problems: ['0 servers.1.server the server "a" is listed twice'],
  },
  {
    name: 'a surface may not name a server that is deleted beside it',
    documents: [surface('s', ['a'])],
    deletes: [{ kind: 'Server', name: 'a' }],
    stored: [server('a')],
    problems: ['0 servers.0.server no server is named "a"'],
  },
  {
    name: 'auth none is for a gateway on loopback',
    documents: [surface('s', ['a'], { auth: 'none' }), server('a')],
    problems: [],
  },
  {
    name: 'auth none is refused on any other address',
    documents: [surface('s', ['a'], { auth: 'none' }), server('a')],
    host: '0.0.0.0',
    problems: ['0 auth "none" is only for a gateway that listens on loopback, and this one listens on 0.0.0.0'],
  },
  {
    name: 'a server that no surface names can be deleted',
    deletes: [{ kind: 'Server', name: 'a' }],
    stored: [server('a')],
    problems: [],
  },
  {
    name: 'a server that a surface names cannot be deleted',
    deletes: [
      { kind: 'Server', name: 'b' },
      { kind: 'Server', name: 'a' },
    ],
    stored: [server('a'), server('b'), surface('s', ['a']), surface('t', ['a'])],
    problems: ['1  the server "a" is named by surface "s", "t": take it out there first'],
  },
  {
    name: 'a deletion is counted on from the documents',
    documents: [server('b')],
    deletes: [{ kind: 'Server', name: 'a' }],
    stored: [server('a'), surface('s', ['a'])],
    problems: ['1  the server "a" is named'],
  },
  {
    name: 'a server can be deleted together with the surface that names it',
    deletes: [
      { kind: 'Server', name: 'a' },
      { kind: 'Surface', name: 's' },
    ],
    stored: [server('a'), surface('s', ['a'])],
    problems: [],
  },
  {
    name: 'a server can be deleted when the surface lets it go in the same write',
    documents: [surface('s', ['b'])],
    deletes: [{ kind: 'Server', name: 'a' }],
    stored: [server('a'), server('b'), surface('s', ['a'])],
    problems: [],
  },
  {
    name: 'one name of one kind is given once',
    documents: [server('a'), server('a')],
    problems: ['1 name Server "a" is given twice'],
  },
  { name: 'one name of two kinds is two documents', documents: [server('a'), surface('a', ['a'])], problems: [] },
  {
    name: 'a document is not given and deleted at once',
    documents: [server('a')],
    deletes: [{ kind: 'Server', name: 'a' }],
    problems: ['0 name Server "a" is also to be deleted'],
  },
  {
    name: 'an endpoint is listed once',
    documents: [server('a', unix('unix:x.sock:/mcp', 'unix:x.sock:/mcp'))],
    problems: ['0 versions.0.endpoints.1.url the endpoint "unix:x.sock:/mcp" is listed twice'],
  },
  {
    name: 'an endpoint is none of our own sockets',
    documents: [server('a', unix('unix:envoy-admin.sock:/mcp'))],
    problems: ['0 versions.0.endpoints.0.url "envoy-admin.sock" is the name of a socket of Chancery\'s own'],
  },
  {
    name: 'an endpoint is none of our own sockets by any path',
    documents: [server('a', unix('unix:/run/./chancery/egress.sock:/mcp'))],
    problems: ['0 versions.0.endpoints.0.url "egress.sock"'],
  },
  {
    name: 'an endpoint is a name or an absolute path',
    documents: [server('a', unix('unix:run/x.sock:/mcp'))],
    problems: ['0 versions.0.endpoints.0.url the socket "run/x.sock" is neither'],
  },
  {
    name: 'a socket fits its path',
    documents: [server('a', unix('unix:x.sock:/mcp')), server('b', stdio)],
    runDir: `/${'r'.repeat(80)}`,
    problems: [],
  },
  {
    name: 'a socket that does not fit its path is refused',
    documents: [server('a', unix('unix:x.sock:/mcp')), server('b', stdio)],
    runDir: `/${'r'.repeat(100)}`,
    problems: ['0 versions.0.endpoints.0.url the socket /rrr', "1 versions.0.version the bridge's socket /rrr"],
  },
  {
    name: 'two stdio servers do not share a socket',
    documents: [server('a-1', { ...stdio, version: '2' })],
    stored: [server('a', { ...stdio, version: '1-2' })],
    problems: ['0 versions.0.version the name and version give the same socket bridge-a-1-2.sock as server "a"'],
  },
  {
    name: 'a stdio server may be given again',
    documents: [server('a', stdio)],
    stored: [server('a', stdio)],
    problems: [],
  },
  {
    name: 'a pattern names a server and a name',
    documents: [policy({ tools: ['*', 'a/*', 'echo'], prompts: ['/x'] })],
    problems: ['0 rules.0.tools.2 found "echo", wanted "SERVER/NAME"', '0 rules.0.prompts.0 found "/x"'],
  },
  {
    name: 'a policy that no service would take is refused',
    documents: [policy({ tools: ['*'], who: { not: {} } })],
    problems: ['0  rule "r": who.not must name somebody'],
  },
  {
    name: 'all problems are told at once',
    documents: [surface('s', ['x', 'y']), { kind: 'Server', name: 'BAD' }, 7],
    problems: ['1 name ', '1 versions ', '2 kind ', '0 servers.0.server', '0 servers.1.server'],
  },
];

describe('documents together', () => {
  test.each(cases)(
    '$name',
    ({ documents = [], deletes = [], stored = [], host = '127.0.0.1', runDir = '/run/chancery', problems }) => {
      const reading = readDocuments(documents);
      const earlier = readDocuments(stored).claims.map(({ document }) => document as Document);
      const together = checkTogether(
        { claims: reading.claims, deletes, documents: documents.length, stored: earlier },
        { host, runDir },
      );
      const found = [...reading.problems, ...together].map(
        ({ document, path, message }) => `${document} ${path.join('.')} ${message}`,
      );
      expect(found).toHaveLength(problems.length);
      for (const [index, problem] of problems.entries()) expect(found[index]).toContain(problem);
    },
  );
});
