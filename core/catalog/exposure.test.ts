import { describe, expect, test } from 'vitest';
import {
  catalogOf,
  discoveredOf,
  exposed,
  listed,
  memberOf,
  NOW_MS,
  readAs,
  serverOf,
  surfaceOf,
  toolOf,
  versionedServer,
  versionOf,
} from '../../test/support/catalog-world.ts';
import { LIMITS } from '../limits.ts';
import type { Catalog, CatalogServer, CatalogSurface, Listed, ServerVersion, SurfaceMember } from './catalog.ts';
import { activeVersion, choose } from './choose.ts';
import { type Exposure, everyExposure, exposureOf } from './exposure.ts';

const shown = (exposure: Exposure): string[] => exposure.lists.tools.map(({ publicName }) => publicName);
const items = (exposure: Exposure): Listed[] => exposure.lists.tools.map((item) => JSON.parse(item.json()) as Listed);
const found = (exposure: Exposure, name: string, kind: 'tool' | 'prompt' | 'resource' = 'tool') =>
  exposure.find(kind, name).map(({ server, version, name: own }) => `${server.name} ${version.version} ${own}`);
const world = (servers: readonly CatalogServer[], surface: CatalogSurface): [Catalog, CatalogSurface] => [
  catalogOf({ servers, surfaces: [surface] }),
  surface,
];
const mapped = (...members: SurfaceMember[]): CatalogSurface => surfaceOf('m', [], { naming: 'mapped', members });
const mapOf = (tool: string, over: object = {}) => ({ tool, hide: [], fix: {}, ...over });

describe('what is listed is what can be called', () => {
  const servers = [
    readAs('memory', [], { tools: listed(toolOf('a'), toolOf('b'), toolOf('long'.repeat(40))) }),
    serverOf('files', ['b', 'read']),
    readAs('spare', [], { tools: { bare: [toolOf('a')], full: [toolOf('a'), toolOf('only-for-others')] } }),
  ];
  test.each(['prefixed', 'bare', 'mapped'] as const)('with names that are %s', (naming) => {
    const members = [
      memberOf('memory', { map: [mapOf('a', { name: 'A' }), mapOf('gone')], tools: ['*'] }),
      memberOf('files', { tools: ['b*'], map: [mapOf('b'), mapOf('read', { name: 'lesen' })] }),
      memberOf('spare'),
    ];
    const surface = surfaceOf('x', [], { naming, members, limits: { tools: 4 } });
    const exposure = exposed(...world(servers, surface));
    expect(shown(exposure)).not.toEqual([]);
    const names = ['a', 'b', 'long'.repeat(40), 'read', 'only-for-others', 'A', 'lesen', 'gone', ''];
    const asked = [...names, ...['memory', 'files', 'spare'].flatMap((server) => names.map((n) => `${server}__${n}`))];
    expect(asked.filter((name) => exposure.find('tool', name).length > 0).sort()).toEqual(shown(exposure).sort());
    expect(items(exposure).map(({ name }) => name)).toEqual(shown(exposure));
  });
});

describe('a server that has more for clients who can do more', () => {
  const lists = { bare: [toolOf('a'), toolOf('fallback')], full: [toolOf('a'), toolOf('ask')] };
  const templates = { bare: [{ uriTemplate: 'x://{id}', name: 'x' }], full: [{ uriTemplate: 'y://{id}', name: 'y' }] };
  const surface = surfaceOf('x', ['memory'], { naming: 'bare' });
  const catalog = catalogOf({
    servers: [readAs('memory', [], { tools: lists, resourceTemplates: templates })],
    surfaces: [surface],
  });
  test.each([
    ['bare', ['a', 'fallback'], ['x://1']],
    ['full', ['a', 'ask'], ['y://1']],
    ['any', ['a', 'fallback', 'ask'], ['x://1', 'y://1']],
  ] as const)('has for %s clients what they are shown, and nothing else', (profile, names, uris) => {
    const exposure = exposureOf(catalog, surface, activeVersion, profile);
    expect(shown(exposure)).toEqual(names);
    expect(['a', 'fallback', 'ask'].filter((name) => exposure.find('tool', name).length > 0)).toEqual(
      ['a', 'fallback', 'ask'].filter((name) => (names as readonly string[]).includes(name)),
    );
    expect(['x://1', 'y://1'].filter((uri) => exposure.find('resource', uri).length > 0)).toEqual(uris);
    expect(exposureOf(catalog, surface, activeVersion, profile), 'made once').toBe(exposure);
  });
  test('has everything for who does not know the client', () => {
    expect(shown(everyExposure(catalog, surface))).toEqual(['a', 'fallback', 'ask']);
  });
});

describe('bare names', () => {
  const surface = surfaceOf('x', ['memory', 'files'], { naming: 'bare' });
  const catalog = catalogOf({ servers: [serverOf('memory', ['a', 'both']), serverOf('files', ['both', 'b'])] });
  const exposure = exposed(catalog, surface);
  test('are each server’s own; what two have is the first one’s, and the other is reported', () => {
    expect(shown(exposure)).toEqual(['a', 'both', 'b']);
    expect(found(exposure, 'both')).toEqual(['memory 1 both']);
    expect(found(exposure, 'summary', 'prompt')).toEqual(['files 1 summary']);
    expect(exposure.hidden.map(({ item, why, by }) => [item.server.name, item.name, why, by?.server.name])).toEqual([
      ['files', 'both', 'taken', 'memory'],
    ]);
  });
  test('of nobody are nobody’s', () => {
    expect(found(exposure, 'memory__a')).toEqual([]);
  });
});

describe('a mapped tool', () => {
  const tool = toolOf('query', {
    title: 'Query',
    description: 'Runs any query.',
    inputSchema: {
      type: 'object',
      properties: { sql: { type: 'string' }, database: { type: 'string' }, debug: { type: 'boolean' } },
      required: ['sql', 'database'],
      additionalProperties: false,
    },
    'x-new': [1],
  });
  const server = readAs('files', [], { tools: listed(tool, toolOf('drop')) });
  const exposureWith = (...map: ReturnType<typeof mapOf>[]) =>
    exposed(...world([server], mapped(memberOf('files', { map }))));

  test('has the name, title and description that the surface gives, and the rest of its own', () => {
    const over = { name: 'ask', title: 'Ask', description: 'Asks the orders.' };
    const exposure = exposureWith(mapOf('query', over));
    expect(items(exposure)).toEqual([{ ...tool, ...over }]);
    expect(found(exposure, 'ask')).toEqual(['files 1 query']);
    expect(found(exposure, 'query')).toEqual([]);
    expect(found(exposure, 'files__query')).toEqual([]);
  });

  test('keeps its own where the surface says nothing', () => {
    expect(items(exposureWith(mapOf('query')))).toEqual([tool]);
  });

  test('shows no argument that is hidden or fixed', () => {
    const exposure = exposureWith(mapOf('query', { hide: ['debug'], fix: { database: 'orders' } }));
    expect(items(exposure)[0]?.inputSchema).toEqual({
      type: 'object',
      properties: { sql: { type: 'string' } },
      required: ['sql'],
      additionalProperties: false,
    });
    expect(JSON.stringify(items(exposure))).not.toContain('orders');
  });

  test('that needs nothing any more has no list of what it needs', () => {
    const exposure = exposureWith(mapOf('query', { hide: ['sql'], fix: { database: 'orders' } }));
    expect(items(exposure)[0]?.inputSchema).not.toHaveProperty('required');
  });

  test('is there only when it is mapped, chosen, and one that its server has', () => {
    expect(shown(exposureWith())).toEqual([]);
    expect(shown(exposureWith(mapOf('nothing')))).toEqual([]);
    const member = memberOf('files', { tools: ['d*'], map: [mapOf('query'), mapOf('drop')] });
    expect(shown(exposed(...world([server], mapped(member))))).toEqual(['drop']);
  });

  test('leaves prompts under their server’s name, and resources as they are', () => {
    const exposure = exposureWith(mapOf('query'));
    expect(found(exposure, 'files__summary', 'prompt')).toEqual(['files 1 summary']);
    expect(found(exposure, 'file:///a.txt', 'resource')).toEqual(['files 1 file:///a.txt']);
  });
});

describe('what operators say of a tool', () => {
  const annotations = { '*': { readOnlyHint: false }, 'read_*': { readOnlyHint: true, openWorldHint: false } };
  const tools = listed(toolOf('read_a', { annotations: { title: 'T', readOnlyHint: false } }), toolOf('write'));
  const server = versionedServer(
    'memory',
    [versionOf('memory', [], { discovered: discoveredOf('m', [], { tools }) })],
    {
      annotations,
    },
  );
  test('counts instead of what its server says; the more exact pattern after the other', () => {
    const [read, write] = items(exposed(...world([server], surfaceOf('x', ['memory']))));
    expect(read?.annotations).toEqual({ title: 'T', readOnlyHint: true, openWorldHint: false });
    expect(write?.annotations).toEqual({ readOnlyHint: false });
  });
  test('leaves a tool without annotations as it is, where nothing is said', () => {
    const [first] = items(exposed(...world([serverOf('memory', ['a'])], surfaceOf('x', ['memory']))));
    expect(first).toEqual({ name: 'a', inputSchema: { type: 'object' } });
  });
  test('a deferred tool is marked as one, beside what its server put there', () => {
    const deferring = readAs('memory', [], { tools: listed(toolOf('a', { _meta: { x: 1 } }), toolOf('b')) });
    const surface = surfaceOf('x', [], { members: [memberOf('memory', { deferred: ['a*'] })] });
    const [a, b] = items(exposed(...world([deferring], surface)));
    expect(a?._meta).toEqual({ x: 1, 'chancery/deferred': true });
    expect(b).not.toHaveProperty('_meta');
  });
});

describe('the limits of a surface', () => {
  const servers = [serverOf('memory', ['a', 'b']), serverOf('files', ['c', 'd'])];
  const limited = (limits: CatalogSurface['limits']) =>
    exposed(...world(servers, surfaceOf('x', ['memory', 'files'], limits === undefined ? {} : { limits })));
  test('are counted over all servers, in order', () => {
    expect(shown(limited({ tools: 3 }))).toEqual(['memory__a', 'memory__b', 'files__c']);
    expect(found(limited({ tools: 3 }), 'files__d')).toEqual([]);
    expect(limited({ tools: 3 }).hidden).toMatchObject([{ why: 'limit', item: { name: 'd' } }]);
    expect(shown(limited({ tools: 4 }))).toHaveLength(4);
    expect(shown(limited(undefined))).toHaveLength(4);
  });
  test('are also of the bytes of their schemas', () => {
    const bytes = Buffer.byteLength('{"type":"object"}');
    expect(shown(limited({ schemaBytes: 2 * bytes }))).toHaveLength(2);
    expect(shown(limited({ schemaBytes: 2 * bytes - 1 }))).toHaveLength(1);
    expect(shown(limited({ schemaBytes: 1 }))).toEqual([]);
  });
  test('end the list at the first tool that does not fit, also where a later one would', () => {
    const big = toolOf('big', { inputSchema: { type: 'object', description: 'x'.repeat(1000) } });
    const server = readAs('memory', [], { tools: listed(toolOf('a'), big, toolOf('c')) });
    const surface = surfaceOf('x', ['memory'], { limits: { schemaBytes: 500 } });
    expect(shown(exposed(...world([server], surface)))).toEqual(['a']);
  });
  test('say nothing of prompts and resources', () => {
    expect(limited({ tools: 1 }).lists.prompts).toHaveLength(1);
  });
});

describe('of two versions', () => {
  const old = versionOf('memory', ['a', 'old'], { state: 'deprecated', deprecation: { sinceMs: NOW_MS } });
  const current = versionOf('memory', ['a', 'new'], { version: '2' });
  const surface = surfaceOf('x', ['memory', 'files']);
  const [catalog] = world([versionedServer('memory', [old, current]), serverOf('files', ['read'])], surface);
  const sealed = (name: string) =>
    exposureOf(catalog, surface, (server) => choose(server, { key: '', subject: '' }, name));

  test('each shows its own', () => {
    expect(shown(sealed('1'))).toEqual(['memory__a', 'memory__old', 'files__read']);
    expect(shown(sealed('2'))).toEqual(['memory__a', 'memory__new', 'files__read']);
    expect(found(sealed('1'), 'memory__new')).toEqual([]);
    expect(found(sealed('2'), 'memory__a')).toEqual(['memory 2 a']);
  });

  test('what is made for one caller is there for the next one with the same', () => {
    expect(sealed('1')).toBe(sealed('1'));
    expect(sealed('1')).not.toBe(sealed('2'));
    // Another revision that has the same servers.
    const later = { ...catalog, revision: 8 };
    expect(exposureOf(later, surface, activeVersion)).toBe(exposureOf(catalog, surface, activeVersion));
    // The text of an item goes with its version, whatever else is on the surface.
    expect(sealed('1').lists.tools.at(-1)).toBe(sealed('2').lists.tools.at(-1));
  });

  test('nothing is kept of a server that changed', () => {
    const [changed] = world([versionedServer('memory', [old, versionOf('memory', ['b'], { version: '2' })])], surface);
    expect(shown(exposureOf(changed, surface, activeVersion))).toEqual(['memory__b']);
    expect(shown(exposureOf(catalog, surface, activeVersion))).toContain('memory__new');
  });

  test('who does not know which a caller has finds what any of them has', () => {
    const every = everyExposure(catalog, surface);
    for (const name of ['memory__a', 'memory__old', 'memory__new', 'files__read']) {
      expect(every.find('tool', name)).toHaveLength(1);
    }
    expect(every.find('tool', 'memory__x')).toEqual([]);
    expect(everyExposure(catalog, surface)).toBe(every);
  });

  test('a bare name may be one server’s in one version and another’s in the other', () => {
    const bare = surfaceOf('x', ['memory', 'files'], { naming: 'bare' });
    const servers = [versionedServer('memory', [old, current]), serverOf('files', ['old', 'a'])];
    const [both] = world(servers, bare);
    const candidates = everyExposure(both, bare).find('tool', 'old');
    expect(candidates.map(({ server }) => server.name)).toEqual(['memory', 'files']);
    expect(everyExposure(both, bare).find('tool', 'new')).toHaveLength(1);
  });

  test('the same holds for resources, listed or by template', () => {
    const templates = listed({ uriTemplate: 'file:///{x}', name: 't' });
    const none = versionOf('memory', [], { version: '2' });
    const lists = versionOf('memory', [], {
      state: 'deprecated',
      discovered: discoveredOf('memory', [], { resources: listed({ uri: 'file:///a.txt', name: 'a' }) }),
    });
    const other = readAs('other', [], { resourceTemplates: templates });
    const on = surfaceOf('x', ['memory', 'other']);
    const [some] = world([versionedServer('memory', [lists, none]), other], on);
    const names = everyExposure(some, on)
      .find('resource', 'file:///a.txt')
      .map(({ server }) => server.name);
    expect(names).toEqual(['memory', 'other']);
  });

  test('there is a most of sets of versions that are remembered', () => {
    const many = Array.from({ length: LIMITS.exposuresPerSurfaceMax + 10 }, (_, index) =>
      versionOf('memory', ['a'], { version: `v${index}`, state: 'deprecated' }),
    );
    const [some] = world([versionedServer('memory', many)], surface);
    const of = (version: ServerVersion) => exposureOf(some, surface, () => version);
    const first = of(many[0]!);
    const last = many.map(of).at(-1);
    expect(of(many.at(-1)!)).toBe(last);
    expect(of(many[0]!)).not.toBe(first);
  });
});

describe('of a version that is gone', () => {
  const gone = (over: Partial<ServerVersion> = {}) =>
    versionOf('memory', ['a', 'old'], { state: 'decommissioned', ...over });
  const current = versionOf('memory', ['a'], { version: '2' });
  const on = (surface: CatalogSurface, version: ServerVersion, other = serverOf('files', ['a', 'read'])) => {
    const [catalog] = world([versionedServer('memory', [version, current]), other], surface);
    return exposureOf(catalog, surface, (server) => choose(server, { key: '', subject: '' }, '1'));
  };

  test('nothing is listed, but what it had is found', () => {
    const exposure = on(surfaceOf('x', ['memory', 'files']), gone());
    expect(shown(exposure)).toEqual(['files__a', 'files__read']);
    expect(exposure.served.map(({ name }) => name)).toEqual(['files']);
    expect(found(exposure, 'memory__old')).toEqual(['memory 1 old']);
    expect(found(exposure, 'memory__never')).toEqual([]);
  });

  test('a bare name stays its own: another server’s tool is not called in its place', () => {
    const exposure = on(surfaceOf('x', ['memory', 'files'], { naming: 'bare' }), gone());
    expect(shown(exposure)).toEqual(['read']);
    expect(found(exposure, 'a')).toEqual(['memory 1 a']);
  });

  test.each<[string, CatalogSurface, string, string[]]>([
    ['its prefix', surfaceOf('x', ['memory', 'files']), 'memory__any', ['memory 1 any']],
    ['not another’s prefix', surfaceOf('x', ['memory', 'files']), 'other__any', []],
    ['its prefix alone is no name', surfaceOf('x', ['memory', 'files']), 'memory__', []],
    [
      'any bare name that nobody else has',
      surfaceOf('x', ['memory', 'files'], { naming: 'bare' }),
      'x',
      ['memory 1 x'],
    ],
    ['not one that another has', surfaceOf('x', ['memory', 'files'], { naming: 'bare' }), 'read', ['files 1 read']],
    ['what is mapped', mapped(memberOf('memory', { map: [mapOf('a', { name: 'A' })] })), 'A', ['memory 1 a']],
    ['not what is not mapped', mapped(memberOf('memory', { map: [mapOf('a', { name: 'A' })] })), 'a', []],
    [
      'not what the surface did not choose',
      surfaceOf('x', [], { members: [memberOf('memory', { tools: ['read_*'] })], naming: 'prefixed' }),
      'memory__a',
      [],
    ],
  ])('of which nothing is known any more, what would be its own is found: %s', (_, surface, name, wanted) => {
    expect(found(on(surface, gone({ discovered: null })), name)).toEqual(wanted);
  });

  test('a resource is found as well, but not one that climbs', () => {
    const exposure = on(surfaceOf('x', ['memory', 'files']), gone({ discovered: null }));
    expect(found(exposure, 'x://1', 'resource')).toEqual(['memory 1 x://1']);
    expect(found(exposure, 'x://../1', 'resource')).toEqual([]);
    expect(found(exposure, 'file:///a.txt', 'resource')).toEqual(['files 1 file:///a.txt']);
  });

  test('who does not know the caller’s version finds only what is served', () => {
    const surface = surfaceOf('x', ['memory']);
    const [catalog] = world([versionedServer('memory', [gone(), current])], surface);
    expect(found(everyExposure(catalog, surface), 'old')).toEqual([]);
    expect(found(everyExposure(catalog, surface), 'a')).toEqual(['memory 2 a']);
  });
});

test('a server that stands twice on a surface gives each tool once', () => {
  const members = [memberOf('memory', { tools: ['a'] }), memberOf('memory', { tools: ['a', 'b'] })];
  const exposure = exposed(...world([serverOf('memory', ['a', 'b'])], surfaceOf('x', [], { members })));
  expect(shown(exposure)).toEqual(['memory__a', 'memory__b']);
  expect(exposure.hidden).toEqual([]);
  expect(exposure.served).toHaveLength(1);
});
