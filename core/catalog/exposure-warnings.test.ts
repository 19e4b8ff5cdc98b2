import { describe, expect, test } from 'vitest';
import {
  catalogOf,
  listed,
  memberOf,
  readAs,
  serverOf,
  surfaceOf,
  toolOf,
  versionedServer,
  versionOf,
} from '../../test/support/catalog-world.ts';
import { LIMITS } from '../limits.ts';
import type { CatalogServer, CatalogSurface } from './catalog.ts';
import { surfaceWarnings } from './exposure-warnings.ts';

const warned = (servers: readonly CatalogServer[], surface: CatalogSurface): readonly string[] =>
  surfaceWarnings(catalogOf({ servers, surfaces: [surface] }), surface);
const tools = (count: number, prefix = 't'): string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}${index}`);
const described = (name: string, ...descriptions: string[]) =>
  readAs(name, [], {
    tools: listed(...descriptions.map((description, index) => toolOf(`t${index}`, { description }))),
  });
const BARE = surfaceOf('x', ['memory', 'files'], { naming: 'bare' });
const map = (tool: string, over: object = {}) => ({ tool, hide: [], fix: {}, ...over });

test('of a surface on which all is well there is nothing to say', () => {
  expect(
    warned([serverOf('memory', tools(5)), serverOf('files', tools(5))], surfaceOf('x', ['memory', 'files'])),
  ).toEqual([]);
});

test.each<[string, readonly CatalogServer[], CatalogSurface, string[]]>([
  [
    'two tools of one name',
    [serverOf('memory', ['read', 'a']), serverOf('files', ['read'])],
    BARE,
    ['the tool "read" of files is hidden: memory has one of that name'],
  ],
  [
    'two prompts of one name',
    [readAs('memory', [], { prompts: listed({ name: 'summary' }) }), serverOf('files', [])],
    BARE,
    ['the prompt "summary" of files is hidden: memory has one of that name'],
  ],
  [
    'a resource that two list',
    [readAs('memory', [], { resources: listed({ uri: 'file:///a.txt' }) }), serverOf('files', [])],
    surfaceOf('x', ['memory', 'files']),
    ['the resource "file:///a.txt" of files is hidden: memory has one of that name'],
  ],
  [
    'a name that is too long with its prefix',
    [serverOf('memory', ['a'.repeat(122)]), serverOf('files', [])],
    surfaceOf('x', ['memory', 'files']),
    [
      `the tool "${'a'.repeat(122)}" of memory is hidden: its public name has 130 characters, of which at most 128 are allowed`,
    ],
  ],
  [
    'more tools than the limit',
    [serverOf('memory', tools(5))],
    surfaceOf('x', ['memory'], { limits: { tools: 3 } }),
    ['5 tools were chosen, the limits are 3 tools: 2 are hidden, from "t3" on'],
  ],
  [
    'more bytes of schemas than the limit',
    [serverOf('memory', tools(5))],
    surfaceOf('x', ['memory'], { limits: { tools: 4, schemaBytes: 20 } }),
    ['5 tools were chosen, the limits are 4 tools and 20 bytes of schemas: 4 are hidden, from "t1" on'],
  ],
  [
    'more tools than a model chooses among well',
    [serverOf('memory', tools(LIMITS.surfaceToolsAdvisedMax + 1))],
    surfaceOf('x', ['memory']),
    ['11 tools are not deferred; models choose well among at most 10'],
  ],
  [
    'a server that was not read',
    [serverOf('memory', [], { discovered: null })],
    surfaceOf('x', ['memory']),
    ['memory 1 was not read yet, so nothing of it is listed'],
  ],
  [
    'a canary that was not read',
    [
      versionedServer('memory', [
        versionOf('memory', ['a']),
        versionOf('memory', [], { version: '2', state: 'canary', discovered: null }),
      ]),
    ],
    surfaceOf('x', ['memory']),
    ['memory 2 was not read yet, so nothing of it is listed'],
  ],
  [
    'a server of which no version is served',
    [serverOf('memory', ['a'], { state: 'decommissioned' })],
    surfaceOf('x', ['memory']),
    ['no version of the server "memory" is served, so nothing of it is listed'],
  ],
  [
    'a server that is not there',
    [],
    surfaceOf('x', ['memory']),
    ['no version of the server "memory" is served, so nothing of it is listed'],
  ],
  [
    'patterns that choose nothing',
    [serverOf('files', ['read_a'])],
    surfaceOf('x', [], {
      members: [
        memberOf('files', {
          tools: ['read_*', 'write_*'],
          prompts: ['x'],
          resources: ['file:///docs/*', 'http:*'],
          deferred: ['y'],
        }),
      ],
    }),
    [
      '"write_*" chooses none of the tools of files 1',
      '"x" chooses none of the prompts of files 1',
      '"http:*" chooses none of the resources of files 1',
      '"y" defers none of the tools of files 1',
    ],
  ],
  [
    'a mapped tool that its server has not',
    [serverOf('memory', ['a'])],
    surfaceOf('x', [], { naming: 'mapped', members: [memberOf('memory', { map: [map('a'), map('gone')] })] }),
    ['the mapped tool "gone" is none of the tools of memory 1'],
  ],
])('it is warned of %s', (_, servers, surface, wanted) => {
  expect(warned(servers, surface)).toEqual(wanted);
});

test('deferred tools do not fill a model’s context', () => {
  const surface = surfaceOf('x', [], { members: [memberOf('memory', { deferred: ['t1*'] })] });
  expect(warned([serverOf('memory', tools(12))], surface)).toEqual([]);
});

describe('descriptions that say nearly the same', () => {
  const BOTH = surfaceOf('x', ['one', 'two']);
  const LONG = 'Reads the whole file at the given path and returns its text to the caller in one piece.';
  const SAME = ['the tools "one__t0" and "two__t0" have nearly the same description'];
  test.each<[string, string, string, string[]]>([
    ['the same', LONG, LONG, SAME],
    ['the same but for case, marks and form', LONG, LONG.toUpperCase().replaceAll(' ', ' - '), SAME],
    ['a word more', LONG, `${LONG} Quickly!`, SAME],
    ['others', LONG, 'Writes a text to a file.', []],
    ['of the same words for the most part', 'Create an issue', 'Close an issue', []],
    ['none', '', '', []],
    ['marks alone', '…', '…', []],
    ['the same in another script', '読み取り ファイル', '読み取り ファイル', SAME],
  ])('%s', (_, one, two, wanted) => {
    expect(warned([described('one', one), described('two', two)], BOTH)).toEqual(wanted);
  });

  test('are those that the surface gives', () => {
    const members = [
      memberOf('one', { map: [map('t0', { name: 'a', description: 'Reads orders.' })] }),
      memberOf('two', { map: [map('t0', { name: 'b' })] }),
    ];
    const surface = surfaceOf('x', [], { naming: 'mapped', members });
    expect(warned([described('one', LONG), described('two', LONG)], surface)).toEqual([]);
  });
});

test('there is a most of warnings, of work, and of each one’s words', () => {
  const same = described('one', ...Array.from({ length: 2_000 }, () => 'x '.repeat(10_000)));
  const warnings = warned([same], surfaceOf('x', ['one']));
  expect(warnings).toHaveLength(LIMITS.surfaceWarningsMax);
  expect(warnings.at(-1)).toMatch(/^there are \d+ more warnings$/);
});

test('names that servers write do not break a line', () => {
  const servers = [serverOf('memory', ['a\n\u001b[2J']), serverOf('files', ['a\n\u001b[2J'])];
  expect(warned(servers, BARE)).toEqual(['the tool "a\\n\\u001b[2J" of files is hidden: memory has one of that name']);
});
