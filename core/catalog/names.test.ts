import { describe, expect, test } from 'vitest';
import { catalogOf, exposed, listed, memberOf, readAs, serverOf, surfaceOf } from '../../test/support/catalog-world.ts';
import type { Listed } from './catalog.ts';
import { chosen, isListable, listedName, ownName, publicName } from './names.ts';

const CATALOG = catalogOf({
  servers: [serverOf('memory', ['read_graph', '_x', '__y', 'a__b']), serverOf('files', ['read'])],
});
const BOTH = surfaceOf('default', ['memory', 'files', 'gone']);
const ONE = surfaceOf('one', ['memory']);
const owner = (surface: typeof BOTH, name: string, catalog = CATALOG) => {
  const [owned] = exposed(catalog, surface).find('tool', name);
  return owned === undefined ? null : `${owned.server.name} ${owned.name}`;
};

describe('a public name', () => {
  test.each(['read_graph', '_x', '__y', 'a__b'])('of %s leads back to it', (name) => {
    expect(owner(BOTH, publicName('prefixed', 'memory', name))).toBe(`memory ${name}`);
    expect(owner(ONE, publicName('bare', 'memory', name))).toBe(`memory ${name}`);
    expect(ownName('prefixed', 'memory', publicName('prefixed', 'memory', name))).toBe(name);
  });

  test('has its server in front, unless names are bare', () => {
    expect(publicName('prefixed', 'memory', 'read')).toBe('memory__read');
    expect(publicName('mapped', 'memory', 'read')).toBe('memory__read');
    expect(publicName('bare', 'memory', 'read')).toBe('read');
    expect(ownName('bare', 'memory', 'memory__read')).toBe('memory__read');
    expect(ownName('prefixed', 'memory', 'read')).toBeNull();
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
    expect(owner(BOTH, 'memory__read_graph', catalog)).toBeNull();
  });

  test('of an item without a name does not exist', () => {
    const tools = listed({ title: 'nameless' } as Listed, { name: 7 });
    const catalog = catalogOf({ servers: [readAs('memory', [], { tools })] });
    expect(owner(BOTH, 'memory__', catalog)).toBeNull();
    expect(owner(ONE, '', catalog)).toBeNull();
  });

  test('of a tool is not one of a prompt', () => {
    const { find } = exposed(CATALOG, BOTH);
    expect(find('prompt', 'files__summary')[0]?.name).toBe('summary');
    expect(find('prompt', 'files__read')).toEqual([]);
  });
});

describe('a URI', () => {
  const uriOwner = (uri: string, surface = BOTH, catalog = CATALOG) =>
    exposed(catalog, surface).find('resource', uri)[0]?.server.name ?? null;
  const copy = { ...serverOf('files', []), name: 'copy' };
  const twice = catalogOf({ servers: [serverOf('files', ['read']), copy] });

  test.each<[string, string, string | null]>([
    ['that is listed', 'file:///a.txt', 'files'],
    ['that fits a template', 'file:///docs/x/y', 'files'],
    ['that fits a template with nothing', 'file:///docs/', 'files'],
    ['that fits none', 'file:///b.txt', null],
    ['that only begins like one', 'file:///a.txt.bak', null],
    ['that is a template', 'file:///docs/{path}', 'files'],
    ['that climbs out of a template', 'file:///docs/../a', null],
    ['of nothing', '', null],
  ])('%s', (_, uri, wanted) => {
    expect(uriOwner(uri)).toBe(wanted);
  });

  test('belongs to the first that lists it, and a list comes before a template', () => {
    expect(uriOwner('file:///a.txt', surfaceOf('x', ['copy', 'files']), twice)).toBe('copy');
    const resourceTemplates = listed({ uriTemplate: '{+uri}' });
    const all = readAs('all', [], { resourceTemplates });
    const catalog = catalogOf({ servers: [all, serverOf('files', ['read'])] });
    expect(uriOwner('file:///a.txt', surfaceOf('x', ['all', 'files']), catalog)).toBe('files');
    expect(uriOwner('file:///docs/x', surfaceOf('x', ['all', 'files']), catalog)).toBe('all');
  });

  test('is nobody’s when the surface did not choose it', () => {
    const surface = surfaceOf('x', [], { members: [memberOf('files', { resources: ['file:///docs/*'] })] });
    expect(uriOwner('file:///a.txt', surface)).toBeNull();
    expect(uriOwner('file:///docs/b', surface)).toBe('files');
  });

  test('is compared with a template of braces without a word of time', () => {
    const resourceTemplates = listed({ uriTemplate: '{'.repeat(500_000) }, { uriTemplate: `${'{a'.repeat(250_000)}` });
    const catalog = catalogOf({ servers: [readAs('files', [], { resourceTemplates })] });
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
