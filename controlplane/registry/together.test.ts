import { describe, test } from 'vitest';
import { at, type Case, checkCase, oauth, opaque, policy, server, state, stdio, surface } from './testdata/together.ts';

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
    documents: [server('a', at('unix:x.sock:/mcp', 'unix:x.sock:/mcp'))],
    problems: ['0 versions.0.endpoints.1.url the endpoint "unix:x.sock:/mcp" is listed twice'],
  },
  {
    name: 'an endpoint is none of our own sockets',
    documents: [server('a', at('unix:envoy-admin.sock:/mcp'))],
    problems: ['0 versions.0.endpoints.0.url "envoy-admin.sock" is the name of a socket of Chancery\'s own'],
  },
  {
    name: 'an endpoint is none of our own sockets by any path',
    documents: [server('a', at('unix:/run/./chancery/egress.sock:/mcp'))],
    problems: ['0 versions.0.endpoints.0.url "egress.sock"'],
  },
  {
    name: 'an endpoint is a name or an absolute path',
    documents: [server('a', at('unix:run/x.sock:/mcp'))],
    problems: ['0 versions.0.endpoints.0.url the socket "run/x.sock" is neither'],
  },
  {
    name: 'a socket fits its path',
    documents: [server('a', at('unix:x.sock:/mcp')), server('b', stdio)],
    runDir: `/${'r'.repeat(80)}`,
    problems: [],
  },
  {
    name: 'a socket that does not fit its path is refused',
    documents: [server('a', at('unix:x.sock:/mcp')), server('b', stdio)],
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
    name: 'two stdio servers of one write do not share a socket',
    documents: [server('a', { ...stdio, version: '1-2' }), server('a-1', { ...stdio, version: '2' })],
    problems: ['0 versions.0.version the name', '1 versions.0.version the name'],
  },
  {
    name: 'a socket is free when its server goes in the same write',
    documents: [server('a-1', { ...stdio, version: '2' })],
    deletes: [{ kind: 'Server', name: 'a' }],
    stored: [server('a', { ...stdio, version: '1-2' })],
    problems: [],
  },
  {
    name: 'the sockets of every version are looked at',
    documents: [
      server('a', { version: '2' }, { ...state('staging', '3'), ...at('unix:egress.sock:/mcp') }),
      server('b-1', { version: '1' }, { ...stdio, ...state('staging', '2') }),
    ],
    stored: [server('b', { ...stdio, version: '1-2' })],
    problems: ['0 versions.1.endpoints.0.url "egress.sock"', '1 versions.1.version the name and version give'],
  },
  {
    name: 'endpoints lie where the setting allows, and names are judged when they are resolved',
    documents: [server('a', at('http://10.0.0.1/mcp', 'http://example.com/mcp'))],
    networks: ['private'],
    problems: [],
  },
  {
    name: 'an endpoint at an address that the setting does not allow is refused, in every state that is yet to be reached',
    documents: [
      server(
        'a',
        { ...state('requested', '1'), ...at('http://169.254.169.254/mcp') },
        { ...state('active', '2'), ...at('http://10.0.0.1/mcp', 'http://127.0.0.1/mcp') },
      ),
    ],
    networks: ['public', 'loopback'],
    problems: [
      '0 versions.0.endpoints.0.url 169.254.169.254 is in the network "link-local"',
      '0 versions.1.endpoints.0.url 10.0.0.1 is in the network "private"',
    ],
  },
  {
    name: 'a decommissioned version may say where it was',
    documents: [server('a', { ...state('decommissioned'), ...at('http://10.0.0.1/mcp') })],
    stored: [server('a', { ...state('deprecated'), ...at('http://10.0.0.1/mcp') })],
    networks: ['public'],
    problems: [],
  },
  {
    name: 'a token URL is held to the same networks',
    documents: [server('a', { ...at('https://example.com/mcp'), ...oauth('http://10.0.0.1/token') }), opaque('k')],
    networks: ['public'],
    problems: ['0 versions.0.auth.tokenUrl 10.0.0.1 is in the network "private"'],
  },
  {
    name: 'a pattern names a server and a name',
    documents: [policy({ tools: ['*', 'a/*', 'echo'], prompts: ['/x'] })],
    problems: ['0 rules.0.tools.2 found "echo", wanted "SERVER/NAME"', '0 rules.0.prompts.0 found "/x"'],
  },
  {
    name: 'a policy that no service would take is refused',
    documents: [policy({ tools: ['*'], who: { not: {} } })],
    problems: ['0 rules.0.who.not not must name somebody'],
  },
  {
    name: 'all problems are told at once',
    documents: [surface('s', ['x', 'y']), { kind: 'Server', name: 'BAD' }, 7],
    problems: ['1 name ', '1 versions ', '2 kind ', '0 servers.0.server', '0 servers.1.server'],
  },
];

describe('documents together', () => {
  test.each(cases)('$name', checkCase);
});
