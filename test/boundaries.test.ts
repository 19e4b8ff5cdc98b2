import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Source, violationsOf } from './support/boundaries.ts';

const ROOT = join(import.meta.dirname, '..');
const NOT_OURS = new Set(['node_modules', '.cache', '.chancery', '.git', '.vitest']);

/**
 * Where the source breaks a rule for a reason. A line that is not needed any more fails the test, so the list only shrinks.
 */
const EXCEPTIONS: Readonly<Record<string, string>> = {
  'bridge/child.ts: touches the process': 'the name of the child there, which hides the global one',
};

function sources(folder = ''): Source[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) return NOT_OURS.has(entry.name) ? [] : sources(path);
    return /\.[cm]?[jt]sx?$/.test(entry.name) ? [{ path, text: readFileSync(join(ROOT, path), 'utf8') }] : [];
  });
}

test('the source keeps its boundaries', () => {
  const found = sources().flatMap(violationsOf);
  const excepted = (sentence: string): boolean => Object.keys(EXCEPTIONS).some((start) => sentence.startsWith(start));
  expect(found.filter((sentence) => !excepted(sentence))).toEqual([]);
  for (const start of Object.keys(EXCEPTIONS)) {
    expect(
      found.some((sentence) => sentence.startsWith(start)),
      `the exception "${start}" is not needed any more: remove it`,
    ).toBe(true);
  }
});

test('there is source to look at', () => {
  const paths = sources().map(({ path }) => path);
  for (const path of [
    'core/errors.ts',
    'controlplane/main.ts',
    'ext-proc/main.ts',
    'ext-authz/main.ts',
    'bridge/main.ts',
    'cli/main.ts',
    'test/boundaries.test.ts',
  ]) {
    expect(paths).toContain(path);
  }
});

// Planted violations: a rule that never bites holds nothing. The words are put together here, so that this file has none.
const im = 'im' + 'port';
const ex = 'ex' + 'port';
const re = 're' + 'quire';
const pro = 'pro' + 'cess';
const HEAD = '// Decides what is tested here.\n';
const planted = (path: string, text: string): string[] => violationsOf({ path, text: `${HEAD}${text}\n` });

describe('every form in which one file takes in another is seen', () => {
  const target = "'../ext-authz/check.ts'";
  test.each([
    ['a static one', `${im} { check } from ${target};`],
    ['one over several lines', `${im} {\n  check,\n  type Check,\n} from\n  ${target};`],
    ['one of types', `${im} type { Check } from ${target};`],
    ['one of everything', `${im} * as check from ${target};`],
    ['a default one', `${im} check from ${target};`],
    ['one for its effect', `${im} ${target};`],
    ['one without spaces', `${im}{check}from${target};`],
    ['one in double quotes', `${im} { check } from "../ext-authz/check.ts";`],
    ['one with attributes', `${im} check from ${target} with { type: 'json' };`],
    ['a dynamic one', `const { check } = await ${im}(${target});`],
    ['a dynamic one with a comment', `await ${im}(/* webpackIgnore */ // x\n ${target});`],
    ['a dynamic one in a template', `await ${im}(\`../ext-authz/check.ts\`);`],
    ['one in a type', `type Check = ${im}(${target}).Check;`],
    ['a required one', `const { check } = ${re}(${target});`],
    ['one assigned', `${im} check = ${re}(${target});`],
    ['a resolved one', `${re}.resolve(${target});`],
    ['one resolved as a module', `${im}.meta.resolve(${target});`],
    ['a URL for a worker', `new URL(${target}, ${im}.meta.url);`],
    ['one handed on', `${ex} { check } from ${target};`],
    ['everything handed on', `${ex} * from ${target};`],
    ['everything handed on under a name', `${ex} * as check from ${target};`],
    ['types handed on', `${ex} type { Check } from ${target};`],
  ])('%s', (_, text) => {
    expect(planted('ext-proc/x.ts', text)).toEqual([
      expect.stringContaining('ext-proc/x.ts: imports ext-authz/check.ts'),
    ]);
    expect(planted('ext-authz/x.ts', text.replaceAll('../ext-authz/', './'))).toEqual([]);
  });

  test.each([
    ['computed', `await ${im}(name);`],
    ['computed in a template', `await ${im}(\`../\${name}.ts\`);`],
    ['put together', `await ${im}('../ext-' + 'authz/check.ts');`],
    ['required by a name', `${re}(name);`],
  ])('one that is %s is refused, since nobody can say what it takes in', (_, text) => {
    expect(planted('ext-proc/x.ts', text)).toEqual([expect.stringContaining('ext-proc/x.ts: has a computed import')]);
  });
});

describe('a boundary holds', () => {
  test.each<[string, string, string]>([
    ['controlplane/x.ts', '../ext-proc/gateway.ts', 'ext-proc/gateway.ts'],
    ['controlplane/api/x.ts', '../../bridge/main.ts', 'bridge/main.ts'],
    ['ext-proc/federation/x.ts', '../../controlplane/publish.ts', 'controlplane/publish.ts'],
    ['ext-authz/x.ts', '../ext-proc/admit.ts', 'ext-proc/admit.ts'],
    ['bridge/x.ts', '../ext-proc/admit.ts', 'ext-proc/admit.ts'],
    ['core/mcp/x.ts', '../../ext-proc/admit.ts', 'ext-proc/admit.ts'],
    ['core/mcp/x.ts', '../policy/decide.ts', 'core/policy/decide.ts'],
    ['core/mcp/x.ts', '../session/types.ts', 'core/session/types.ts'],
    ['core/mcp/x.ts', '../runtime/log.ts', 'core/runtime/log.ts'],
    ['core/session/x.ts', '../mcp/message.ts', 'core/mcp/message.ts'],
    ['core/policy/x.ts', '../catalog/catalog.ts', 'core/catalog/catalog.ts'],
    ['core/catalog/x.ts', '../identity/verify.ts', 'core/identity/verify.ts'],
    ['core/catalog/x.ts', '../session/types.ts', 'core/session/types.ts'],
    ['core/errors.ts', './limits.ts', 'core/limits.ts'],
    ['core/limits.ts', 'node:fs', 'node:fs'],
    ['core/json.ts', 'zod', 'zod'],
    ['core/contract.ts', './errors.ts', 'core/errors.ts'],
    ['controlplane/x.ts', '@bufbuild/protobuf', '@bufbuild/protobuf'],
    ['core/grpc/x.ts', '@bufbuild/protobuf/wkt', '@bufbuild/protobuf/wkt'],
    ['ext-proc/x.ts', 'protobufjs', 'protobufjs'],
    ['core/xds-client/x.ts', 'protobufjs/light.js', 'protobufjs/light.js'],
    ['controlplane/api/x.ts', 'kysely', 'kysely'],
    ['controlplane/publish.ts', 'better-sqlite3', 'better-sqlite3'],
    ['ext-proc/x.ts', '../test/support/until.ts', 'test/support/until.ts'],
    ['ext-proc/x.ts', '../cli/flags.ts', 'cli/flags.ts'],
    ['cli/x.ts', '../controlplane/registry/registry.ts', 'controlplane/registry/registry.ts'],
    ['ext-proc/x.ts', 'vitest', 'vitest'],
  ])('%s does not take in %s', (path, specifier, shown) => {
    expect(planted(path, `${im} '${specifier}';`)).toEqual([expect.stringContaining(`${path}: imports ${shown}`)]);
  });

  test.each<[string, string]>([
    ['controlplane/x.ts', '../core/errors.ts'],
    ['controlplane/x.ts', '../proto/envoy-api.ts'],
    ['ext-proc/x.ts', '../core/catalog/catalog.ts'],
    ['core/catalog/x.ts', '../policy/decide.ts'],
    ['core/catalog/x.ts', '../mcp/message.ts'],
    ['core/policy/x.ts', '../mcp/methods.ts'],
    ['core/session/x.ts', '../errors.ts'],
    ['core/session/x.ts', 'lru-cache'],
    ['core/grpc/x.ts', 'protobufjs/light.js'],
    ['ext-authz/x.ts', 'protobufjs'],
    ['proto/x.ts', '@bufbuild/protobuf'],
    ['controlplane/registry/x.ts', 'kysely'],
    ['ext-proc/x.test.ts', '../test/support/until.ts'],
    ['core/catalog/x.test.ts', 'vitest'],
  ])('%s may take in %s', (path, specifier) => {
    expect(planted(path, `${im} '${specifier}';`)).toEqual([]);
  });
});

describe('the process belongs to few files', () => {
  test.each([
    `${pro}.env.HOME`,
    `${pro}.env['HOME']`,
    `${pro}?.env`,
    `${pro}['env']`,
    `${pro} . exit(1)`,
    `${pro}.exitCode = 1`,
    `${pro}.on('SIGTERM', stop)`,
    `${pro}.once("exit", stop)`,
    `${pro}.addListener('exit', stop)`,
    `globalThis.${pro}.env`,
    `const { env } = ${pro};`,
    `const { env: e, exit } = ${pro}`,
    `const p = ${pro};`,
    `${im} ${pro} from 'node:${pro}';`,
    `${im} { env } from '${pro}';`,
  ])('%s', (text) => {
    expect(planted('ext-proc/x.ts', text)).toEqual([expect.stringContaining('ext-proc/x.ts: touches the process')]);
    for (const path of [
      'ext-proc/config.ts',
      'ext-proc/main.ts',
      'core/runtime/x.ts',
      'cli/up/x.ts',
      'bench/x.ts',
      'ext-proc/x.test.ts',
    ]) {
      expect(planted(path, text)).toEqual([]);
    }
  });

  test.each([
    `${pro}.pid`,
    `${pro}.umask(0o177)`,
    `${pro}.execPath`,
    `${pro}.hrtime()`,
    `child.${pro}.on('exit')`,
    `subprocess.env`,
    '/* of the process. on and off */',
  ])('but not %s', (text) => {
    expect(planted('ext-proc/x.ts', text)).toEqual([]);
  });
});

describe('a file says what it is', () => {
  test.each([
    'util.ts',
    'utils.ts',
    'helper.ts',
    'test-helpers.ts',
    'common.ts',
    'misc.mjs',
    'session-manager.ts',
    'utils/x.ts',
  ])('none is called %s', (name) => {
    expect(planted(`ext-proc/${name}`, '')).toEqual([
      expect.stringContaining(`ext-proc/${name}: has a name that says nothing`),
    ]);
  });
  test.each(['utility-bill.ts', 'commonmark.ts', 'package-managers.ts'.replace('managers', 'managed')])(
    'but one may be called %s',
    (name) => {
      expect(planted(`ext-proc/${name}`, '')).toEqual([]);
    },
  );

  test.each([
    ['nothing', ''],
    ['code', 'const a = 1;\n'],
    ['something else', '// This file decides things.\n'],
    ['half a sentence', '// Decides what\nconst a = 1;\n'],
    ['a block', '/* Decides what. */\n'],
  ])('none opens with %s', (_, text) => {
    expect(violationsOf({ path: 'ext-proc/x.ts', text })).toEqual([
      expect.stringContaining('ext-proc/x.ts: does not open with one sentence'),
    ]);
  });
  test.each([HEAD, '// Decides what is\n// long.\n', '#!/usr/bin/env node\n// Decides what.\n'])(
    '%j opens one',
    (text) => {
      expect(violationsOf({ path: 'ext-proc/x.ts', text })).toEqual([]);
    },
  );
});
