// Decides with which requests the documentation shows how documents of each kind are read and written.
import { DOCUMENT_KINDS, type DocumentKind } from '../../../core/catalog/document.ts';
import type { Example } from '../route.ts';

interface KindExamples {
  readonly list: readonly Example[];
  readonly get: readonly Example[];
  readonly put: readonly Example[];
  readonly delete: readonly Example[];
  readonly history: readonly Example[];
  readonly rollback: readonly Example[];
}

interface Sample {
  /** One that is there. */
  readonly name: string;
  /** A body for a new one. */
  readonly body: object;
  readonly more?: Partial<KindExamples>;
}

const MEMORY = {
  owner: { team: 'notes', contact: 'notes@example.com' },
  description: 'Remembers what agents were told.',
  labels: { team: 'core' },
  versions: [
    { version: '1.0.0', state: 'active', endpoints: [{ url: 'http://127.0.0.1:3001/mcp' }] },
    { version: '2.0.0', state: 'staging', endpoints: [{ url: 'http://127.0.0.1:3002/mcp' }] },
  ],
};

const SAMPLES: { readonly [kind in DocumentKind]: Sample } = {
  Secret: {
    name: 'github-token',
    body: { description: 'read-only token', value: 'EXAMPLE-ONLY' },
    more: {
      rollback: [
        {
          title: 'A secret is not brought back',
          path: '/v1/secrets/github-token/rollback',
          body: { revision: 1 },
          status: 422,
        },
      ],
    },
  },
  Server: {
    name: 'memory',
    body: { versions: [{ version: '1.0.0', endpoints: [{ url: 'https://weather.example.com/mcp' }] }] },
    more: {
      list: [
        { title: 'Two of the core team', path: '/v1/servers?label=team=core&limit=2', status: 200 },
        { title: 'A cursor that was made up', path: '/v1/servers?cursor=bm90aGluZw', status: 400 },
      ],
      history: [{ title: 'The latest change', path: '/v1/servers/memory/history?limit=1', status: 200 }],
      put: [
        {
          title: 'A new server',
          path: '/v1/servers/weather',
          headers: { 'chancery-reason': 'asked for by the travel team' },
          body: { versions: [{ version: '1.0.0', endpoints: [{ url: 'https://weather.example.com/mcp' }] }] },
          status: 201,
        },
        {
          title: 'What a change would do',
          path: '/v1/servers/memory?dryRun=true',
          body: { ...MEMORY, description: 'Remembers.' },
          status: 200,
        },
        {
          title: 'Somebody else was faster',
          path: '/v1/servers/memory',
          headers: { 'if-match': '"0000"' },
          body: MEMORY,
          status: 412,
        },
        {
          title: 'A wrong document',
          path: '/v1/servers/weather',
          body: { versions: [{ version: '1.0.0', endpoints: [{ url: 'ftp://weather.example.com' }] }], colour: 'blue' },
          status: 422,
        },
      ],
      delete: [
        { title: 'A server that a surface needs', path: '/v1/servers/memory', status: 409 },
        { title: 'A server that nobody needs', path: '/v1/servers/github', status: 204 },
      ],
      rollback: [
        {
          title: 'As it was at the start',
          path: '/v1/servers/memory/rollback',
          body: { revision: 1, why: 'the new description was wrong' },
          status: 200,
        },
        {
          title: 'What that would change',
          path: '/v1/servers/memory/rollback?dryRun=true',
          body: { revision: 1 },
          status: 200,
        },
      ],
    },
  },
  Surface: { name: 'default', body: { servers: [{ server: 'memory', tools: ['read_*'] }] } },
  Policy: {
    name: 'everybody',
    body: { version: 'tbac/v1', rules: [{ id: 'read', effect: 'allow', tools: ['memory/read_*'] }] },
  },
  Issuer: {
    name: 'corp',
    body: { issuer: 'https://login.example.com', taskClaim: 'authorized_tasks', scopes: ['tools:read'] },
  },
  Revocation: {
    name: 'lost-laptop',
    body: { subject: 'alice', before: '2026-01-01T12:00:00Z', until: '2026-12-31T00:00:00Z' },
  },
  NodeGroup: { name: 'edge', body: { match: { zones: ['eu-1'] }, surfaces: ['default'] } },
  Runtime: { name: 'defaults', body: { values: { 'health_check.min_interval': 500 } } },
};

/** By kind. What is the same for each kind is shown once, for servers. */
export const EXAMPLES = Object.fromEntries(
  Object.entries(SAMPLES).map(([kind, { name, body, more = {} }]): [string, KindExamples] => {
    const all = `/v1/${DOCUMENT_KINDS[kind as DocumentKind].collection}`;
    const own = {
      list: [],
      get: [{ title: `One ${kind}`, path: `${all}/${name}`, status: 200 }],
      put: [{ title: `A new ${kind}`, path: `${all}/new`, body, status: 201 }],
      delete: [],
      history: [],
      rollback: [],
    };
    return [kind, { ...own, ...more }];
  }),
) as { readonly [kind in DocumentKind]: KindExamples };
