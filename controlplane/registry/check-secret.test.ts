import { describe, test } from 'vitest';
import {
  at,
  bearer,
  type Case,
  checkCase,
  clientCertificate,
  oauth,
  opaque,
  server,
  tls,
  withEnv,
} from './testdata/together.ts';

const cases: readonly Case[] = [
  {
    name: 'secrets may be given beside those that name them',
    documents: [
      server('a', bearer('k')),
      server('b', withEnv('k')),
      server('c', clientCertificate('t')),
      opaque('k'),
      tls('t'),
    ],
    problems: [],
  },
  {
    name: 'secrets that nobody gave may not be named',
    documents: [server('a', bearer('k')), server('b', withEnv('k')), server('c', clientCertificate('t'))],
    problems: [
      '0 versions.0.auth.secret no secret is named "k"',
      '1 versions.0.stdio.env.B.secret no secret is named "k"',
      '2 versions.0.tls.clientCertificate no secret is named "t"',
    ],
  },
  {
    name: 'a secret of the other type may not be named',
    documents: [server('a', bearer('t')), server('b', withEnv('t')), server('c', clientCertificate('k'))],
    stored: [opaque('k'), tls('t')],
    problems: [
      '0 versions.0.auth.secret the secret "t" is of type tls, wanted opaque',
      '1 versions.0.stdio.env.B.secret the secret "t" is of type tls, wanted opaque',
      '2 versions.0.tls.clientCertificate the secret "k" is of type opaque, wanted tls',
    ],
  },
  {
    name: 'a server is not blamed for a secret that has problems of its own',
    documents: [server('a', bearer('k')), opaque('k', { value: '' })],
    problems: ['1 value '],
  },
  {
    name: 'a new secret needs its values',
    documents: [opaque('k', {}), { kind: 'Secret', name: 't', type: 'tls' }],
    problems: [
      '0 value a new secret needs its value',
      '1 certificate a new secret needs its certificate and privateKey',
    ],
  },
  {
    name: 'a secret that is there keeps its values when none are given',
    documents: [opaque('k', { description: 'other' })],
    stored: [opaque('k')],
    problems: [],
  },
  {
    name: 'a secret that becomes another type needs its values',
    documents: [opaque('t', {})],
    stored: [tls('t')],
    problems: ['0 value a secret that becomes another type needs its value'],
  },
  {
    name: 'a secret does not become what those that name it cannot use',
    documents: [tls('k')],
    stored: [opaque('k'), server('a', bearer('k'))],
    problems: ['0 type server "a" names it where a secret of type opaque is wanted'],
  },
  {
    name: 'a secret becomes another type when those that name it let it go in the same write',
    documents: [tls('k'), server('a')],
    stored: [opaque('k'), server('a', bearer('k'))],
    problems: [],
  },
  {
    name: 'a secret that nobody names can be deleted',
    deletes: [{ kind: 'Secret', name: 'k' }],
    stored: [opaque('k')],
    problems: [],
  },
  {
    name: 'a secret that servers name cannot be deleted',
    deletes: [{ kind: 'Secret', name: 'k' }],
    stored: [opaque('k'), server('a', bearer('k')), server('b', withEnv('k'))],
    problems: ['0  the secret "k" is named by server "a", "b": take it out there first'],
  },
  {
    name: 'of many that name it, a few are told',
    deletes: [{ kind: 'Secret', name: 'k' }],
    stored: [opaque('k'), ...Array.from({ length: 8 }, (_, index) => server(`s${index}`, bearer('k')))],
    problems: ['0  the secret "k" is named by server "s0", "s1", "s2", "s3", "s4" and 3 more: take it out there first'],
  },
];

describe('secrets and the servers that name them', () => {
  test.each(cases)('$name', checkCase);
});

describe('where a secret may go', () => {
  const held = (hosts: string[]) => opaque('k', { value: 'x', hosts });
  const to = (url: string) => ({ ...at(url), ...bearer('k') });
  const cases: readonly Case[] = [
    {
      name: 'to a host that it is for',
      documents: [held(['api.example.com', '*.internal']), server('a', to('https://API.example.com/mcp'))],
      problems: [],
    },
    {
      name: 'not to another one, nor to one that only ends like it',
      documents: [
        held(['api.example.com']),
        server('a', to('https://evil.example.net/mcp')),
        server('b', to('https://xapi.example.com/mcp')),
      ],
      problems: [
        '1 versions.0.auth.secret the secret "k" is for the hosts api.example.com, and not for evil.example.net',
        '2 versions.0.auth.secret the secret "k" is for the hosts api.example.com, and not for xapi.example.com',
      ],
    },
    {
      name: 'not to a token endpoint elsewhere',
      documents: [
        held(['api.example.com']),
        server('a', { ...at('https://api.example.com/mcp'), ...oauth('https://evil.example.net/token') }),
      ],
      problems: ['1 versions.0.auth.secret the secret "k" is for the hosts api.example.com, and not for evil'],
    },
    {
      name: 'not to a program',
      documents: [server('a', withEnv('k'))],
      stored: [held(['api.example.com'])],
      problems: [
        '0 versions.0.stdio.env.B.secret the secret "k" is for the hosts api.example.com, and not for a program',
      ],
    },
    {
      name: 'and not where it goes already, once that is said',
      documents: [opaque('k', { hosts: ['api.example.com'] })],
      stored: [opaque('k'), server('a', to('https://elsewhere.example.com/mcp'))],
      problems: ['0 hosts server "a" names it: the secret "k" is for the hosts api.example.com, and not for elsewhere'],
    },
  ];
  test.each(cases)('$name', checkCase);
});
