import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ListKind } from '../../core/mcp/methods.ts';
import type { Policy } from '../../core/policy/types.ts';
import {
  ALLOW_ALL,
  callerOf,
  catalogOf,
  listed,
  memberOf,
  messageOf,
  principalOf,
  readAs,
  request,
  serverOf,
  sessionCallOf,
  surfaceOf,
  viewerOf,
  type World,
  worldOf,
} from '../../test/support/ext-proc-world.ts';
import { answerList, answerToolsView, listDigest } from './lists.ts';

let world: World;
beforeEach(() => {
  world = worldOf();
});
afterEach(() => world.close());

function list(kind: ListKind, params: object = {}) {
  const outcome = answerList(sessionCallOf(world, messageOf(request('tools/list', params, 'x'))), kind);
  if (outcome.kind !== 'immediate') throw new Error(outcome.kind);
  return JSON.parse(String(outcome.answer.body));
}
const names = (kind: ListKind): unknown[] =>
  list(kind).result[kind].map((item: Record<string, unknown>) => item['name'] ?? item['uri']);
const withTools = (name: string, ...tools: Record<string, unknown>[]) =>
  readAs(name, [], { tools: listed(...(tools as never[])) });

describe('a list', () => {
  test('has what every server has, under names that are unlike', () => {
    expect(names('tools')).toEqual(['memory__read_graph', 'files__read']);
    expect(names('prompts')).toEqual(['files__summary']);
    expect(list('resources').result.resources).toEqual([{ uri: 'file:///a.txt', name: 'a' }]);
    expect(list('resourceTemplates').result.resourceTemplates).toEqual([
      { uriTemplate: 'file:///docs/{path}', name: 'docs' },
    ]);
    expect(list('tools')).toMatchObject({ jsonrpc: '2.0', id: 'x' });
  });

  test('of a surface with one server has that server’s own names', () => {
    world.catalog = catalogOf({ surfaces: [surfaceOf('default', ['memory'])] });
    expect(names('tools')).toEqual(['read_graph']);
  });

  test('keeps every member that a server gave, in its place or not', () => {
    world.catalog = catalogOf({
      servers: [
        withTools('memory', {
          title: 'T',
          name: 'a',
          inputSchema: { type: 'object' },
          'x-new': [1, { y: null }],
          ['__proto__x']: 1,
        }),
      ],
    });
    expect(list('tools').result.tools).toEqual([
      { title: 'T', name: 'memory__a', inputSchema: { type: 'object' }, 'x-new': [1, { y: null }], __proto__x: 1 },
    ]);
  });

  test('leaves out what the surface did not choose, what the policy denies, what has no usable name', () => {
    world.catalog = catalogOf({
      servers: [
        withTools(
          'memory',
          { name: 'read_a' },
          { name: 'read_b' },
          { name: 'write' },
          { name: 'delete_x' },
          { name: '' },
          { name: 7 },
          {},
          { name: `read_${'x'.repeat(128)}` },
        ),
      ],
      surfaces: [
        surfaceOf('default', ['memory', 'other'], {
          members: [memberOf('memory', { tools: ['read_*', 'delete_*'] }), memberOf('other')],
        }),
      ],
    });
    expect(names('tools')).toEqual(['memory__read_a', 'memory__read_b']);
  });

  test('has nothing of a server that is gone or was not read', () => {
    world.catalog = catalogOf({ servers: [serverOf('memory', [], { discovered: null })] });
    expect(names('tools')).toEqual([]);
  });

  test('has what stands first of what stands twice', () => {
    world.catalog = catalogOf({
      servers: [withTools('memory', { name: 'a', title: 'first' }, { name: 'a', title: 'second' })],
      surfaces: [surfaceOf('default', ['memory'])],
    });
    expect(list('tools').result.tools).toEqual([{ name: 'a', title: 'first' }]);
  });

  test('has no tool that is only for clients whose capabilities are not passed on', () => {
    const tools = { bare: [{ name: 'a' }], full: [{ name: 'a' }, { name: 'sample' }] };
    world.catalog = catalogOf({
      servers: [readAs('memory', [], { tools })],
      surfaces: [surfaceOf('default', ['memory'])],
    });
    expect(names('tools')).toEqual(['a']);
  });

  test('is on one page: no cursor is one of ours', () => {
    expect(list('tools', { cursor: 'x' })).toEqual({
      jsonrpc: '2.0',
      id: 'x',
      error: { code: -32602, message: 'invalid params: unknown cursor' },
    });
    expect(list('tools', { _meta: {} })).toHaveProperty('result');
  });

  test('of two surfaces is each its own, although both write the same tool', () => {
    expect(names('tools')[0]).toBe('memory__read_graph');
    const one = answerToolsView(callerOf(world, { surfaceName: 'one' }));
    if (one.kind !== 'immediate') throw new Error(one.kind);
    expect(JSON.parse(String(one.answer.body))).toMatchObject({ surface: 'one', tools: [{ name: 'read_graph' }] });
    expect(names('tools')[0]).toBe('memory__read_graph');
  });
});

test('what is listed can be called, and what is not cannot: one policy', () => {
  const only: Policy = {
    ...ALLOW_ALL,
    rules: [
      { id: 'a', effect: 'allow', tools: ['memory/*'], who: { groups: ['ops'] } },
      { id: 'b', effect: 'allow', tools: ['files/*'], who: { subjects: ['alice'] } },
    ],
  };
  const catalog = catalogOf({ policies: [only] });
  const seen = (subject: string, groups: string[]) =>
    Object.keys(listDigest(viewerOf(catalog, 'default', principalOf(subject, { groups })))).length;
  expect(seen('alice', [])).toBe(3);
  world.catalog = catalog;
  expect(names('tools')).toEqual(['files__read']);
});

describe('the view of the tools', () => {
  test('is one document, for one caller', () => {
    const outcome = answerToolsView(callerOf(world));
    if (outcome.kind !== 'immediate') throw new Error(outcome.kind);
    expect(JSON.parse(String(outcome.answer.body)).tools.map(({ name }: { name: string }) => name)).toEqual([
      'memory__read_graph',
      'files__read',
    ]);
    expect(outcome.answer).toMatchObject({ status: 200, headers: [['content-type', 'application/json']] });
  });
});

describe('the digest of a caller’s lists', () => {
  const TOOLS = 'notifications/tools/list_changed';
  const digest = (parts: Parameters<typeof catalogOf>[0], principal = principalOf('alice')) =>
    listDigest(viewerOf(catalogOf(parts), 'default', principal));
  test('is the same while nothing changed, whatever the revision', () => {
    expect(digest({ revision: 8 })).toEqual(digest({ revision: 7 }));
  });
  test('differs where a list does, and only there', () => {
    const before = digest({});
    const after = digest({ servers: [serverOf('memory', ['read_graph', 'new']), serverOf('files', ['read'])] });
    expect(after[TOOLS]).not.toBe(before[TOOLS]);
    expect({ ...after, [TOOLS]: '' }).toEqual({ ...before, [TOOLS]: '' });
  });
  test('differs when a policy takes something away from this caller, and not for another', () => {
    const policies: Policy[] = [
      ALLOW_ALL,
      {
        ...ALLOW_ALL,
        name: 'more',
        rules: [{ id: 'x', effect: 'deny', tools: ['files/*'], who: { subjects: ['alice'] } }],
      },
    ];
    expect(digest({ policies })[TOOLS]).not.toBe(digest({})[TOOLS]);
    expect(digest({ policies }, principalOf('bob'))).toEqual(digest({}, principalOf('bob')));
  });
  test('tells of templates as of resources', () => {
    const changed = readAs('files', ['read'], { resourceTemplates: listed() });
    const before = digest({});
    const after = digest({ servers: [serverOf('memory', ['read_graph', 'delete_entities']), changed] });
    expect(Object.keys(before).filter((method) => before[method] !== after[method])).toEqual([
      'notifications/resources/list_changed',
    ]);
  });
});
