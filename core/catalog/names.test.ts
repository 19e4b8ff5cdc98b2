import { describe, expect, test } from 'vitest';
import { catalogOf, listed, memberOf, serverOf, surfaceOf } from '../../test/support/ext-proc-world.ts';
import type { Listed } from './catalog.ts';
import { chosen, isListable, listedName, ownerOfName, ownerOfUri, publicName } from './names.ts';

const CATALOG = catalogOf({
  servers: [serverOf('memory', ['read_graph', '_x', '__y', 'a__b']), serverOf('files', ['read'])],
});
const BOTH = surfaceOf('default', ['memory', 'files', 'gone']);
const ONE = surfaceOf('one', ['memory']);
const owner = (surface: typeof BOTH, name: string) => {
  const owned = ownerOfName(CATALOG, surface, 'tools', name);
  return owned === null ? null : `${owned.server.name} ${owned.name}`;
};

describe('a public name', () => {
  test.each(['read_graph', '_x', '__y', 'a__b'])('of %s leads back to it', (name) => {
    expect(owner(BOTH, publicName(BOTH, 'memory', name))).toBe(`memory ${name}`);
    expect(owner(ONE, publicName(ONE, 'memory', name))).toBe(`memory ${name}`);
  });

  test('has its server in front, unless there is only one', () => {
    expect(publicName(BOTH, 'memory', 'read')).toBe('memory__read');
    expect(publicName(ONE, 'memory', 'read')).toBe('read');
  });

  test.each<[string, typeof BOTH, string]>([
    ['of no server', BOTH, '__read_graph'],
    ['without a server', BOTH, 'read_graph'],
    ['with half a separator', BOTH, 'memory_read_graph'],
    ['of a server that is not on the surface', surfaceOf('x', ['files', 'other']), 'memory__read_graph'],
    ['of a server that is gone', BOTH, 'gone__read'],
    ['of a tool that its server has not', BOTH, 'memory__read'],
    ['of another server’s tool', BOTH, 'files__read_graph'],
    ['in capitals', BOTH, 'Memory__read_graph'],
    ['with a server in front where there is only one', ONE, 'memory__read_graph'],
    ['of nothing', BOTH, ''],
    ['of a server alone', BOTH, 'memory__'],
    ['of a member of objects', BOTH, 'memory____proto__'],
  ])('%s is nobody’s', (_, surface, name) => {
    expect(owner(surface, name)).toBeNull();
  });

  test('is nobody’s when the surface did not choose it', () => {
    const surface = surfaceOf('x', [], {
      members: [memberOf('memory', { tools: ['read_*'] }), memberOf('files', { tools: [] })],
    });
    expect(owner(surface, 'memory__read_graph')).not.toBeNull();
    expect(owner(surface, 'memory___x')).toBeNull();
    expect(owner(surface, 'files__read')).toBeNull();
  });

  test('is nobody’s while its server was not read', () => {
    const catalog = catalogOf({ servers: [serverOf('memory', [], { discovered: null })] });
    expect(ownerOfName(catalog, BOTH, 'tools', 'memory__read_graph')).toBeNull();
  });

  test('of an item without a name does not exist', () => {
    const server = serverOf('memory', []);
    const tools = listed({ title: 'nameless' } as Listed, { name: 7 });
    const catalog = catalogOf({ servers: [{ ...server, discovered: { ...server.discovered!, tools } }] });
    expect(ownerOfName(catalog, BOTH, 'tools', 'memory__')).toBeNull();
    expect(ownerOfName(catalog, ONE, 'tools', '')).toBeNull();
  });

  test('of a tool is not one of a prompt', () => {
    expect(ownerOfName(CATALOG, BOTH, 'prompts', 'files__summary')?.name).toBe('summary');
    expect(ownerOfName(CATALOG, BOTH, 'prompts', 'files__read')).toBeNull();
  });
});

describe('a URI', () => {
  const uriOwner = (uri: string, surface = BOTH, catalog = CATALOG) =>
    ownerOfUri(catalog, surface, uri)?.server.name ?? null;
  const twice = catalogOf({ servers: [serverOf('files', ['read']), { ...serverOf('files', []), name: 'copy' }] });

  test.each<[string, string, string | null]>([
    ['that is listed', 'file:///a.txt', 'files'],
    ['that fits a template', 'file:///docs/x/y', 'files'],
    ['that fits a template with nothing', 'file:///docs/', 'files'],
    ['that fits none', 'file:///b.txt', null],
    ['that only begins like one', 'file:///a.txt.bak', null],
    ['that is a template', 'file:///docs/{path}', 'files'],
    ['of nothing', '', null],
  ])('%s', (_, uri, wanted) => {
    expect(uriOwner(uri)).toBe(wanted);
  });

  test('belongs to the first that lists it, and a list comes before a template', () => {
    expect(uriOwner('file:///a.txt', surfaceOf('x', ['copy', 'files']), twice)).toBe('copy');
    const templates = serverOf('files', []);
    const all = {
      ...templates,
      name: 'all',
      discovered: {
        ...templates.discovered!,
        resources: listed(),
        resourceTemplates: listed({ uriTemplate: '{+uri}' }),
      },
    };
    const catalog = catalogOf({ servers: [all, serverOf('files', ['read'])] });
    expect(uriOwner('file:///a.txt', surfaceOf('x', ['all', 'files']), catalog)).toBe('files');
    expect(uriOwner('file:///docs/x', surfaceOf('x', ['all', 'files']), catalog)).toBe('all');
  });

  test('is nobody’s when the surface did not choose it', () => {
    expect(
      uriOwner(
        'file:///a.txt',
        surfaceOf('x', [], { members: [memberOf('files', { resources: ['file:///docs/*'] })] }),
      ),
    ).toBeNull();
  });

  test('is compared with a template of braces without a word of time', () => {
    const hostile = serverOf('files', []);
    const resourceTemplates = listed({ uriTemplate: '{'.repeat(500_000) }, { uriTemplate: `${'{a'.repeat(250_000)}` });
    const catalog = catalogOf({ servers: [{ ...hostile, discovered: { ...hostile.discovered!, resourceTemplates } }] });
    // Quadratic in the template this would take an hour: the test's own deadline is the assertion.
    expect(uriOwner('file:///nothing', surfaceOf('x', ['files']), catalog)).toBeNull();
  });
});

test('a name has a length that clients take', () => {
  expect([isListable(''), isListable('a'), isListable('a'.repeat(128)), isListable('a'.repeat(129))]).toEqual([
    false,
    true,
    true,
    false,
  ]);
});

test('a name is chosen by any of the patterns', () => {
  expect(chosen(['a*', 'b'], 'ab')).toBe(true);
  expect(chosen(['a*', 'b'], 'bb')).toBe(false);
  expect(chosen([], 'a')).toBe(false);
});

test('the name of an item is a text, or nothing', () => {
  expect(listedName({ name: 'a' }, 'name')).toBe('a');
  expect(listedName({ name: ['a'] }, 'name')).toBe('');
  expect(listedName({}, 'uri')).toBe('');
});
