import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ROOT_DIR } from '../../core/runtime/process.ts';
import { type Instance, openInstance, SERVER, SURFACE } from '../testdata/instance.ts';
import * as apply from './apply.ts';
import * as get from './get.ts';

let instance: Instance;
beforeEach(async () => {
  instance = await openInstance();
});
afterEach(() => instance.close());

describe('apply', () => {
  test('writes all documents of a file, and says of each what it did', async () => {
    instance.write('all.yaml', ...SERVER, '---', ...SURFACE);
    expect(await instance.call(apply.run, ['-f', 'all.yaml'])).toEqual({
      status: 0,
      out: 'server/a created\nsurface/s created\n',
      err: '',
    });
    expect(await instance.call(apply.run, ['-f', 'all.yaml'])).toMatchObject({
      status: 0,
      out: 'server/a unchanged\nsurface/s unchanged\n',
    });
  });

  test('takes a folder, several files, JSON and the standard input', async () => {
    mkdirSync(join(instance.folder, 'docs'));
    instance.write('docs/1.yaml', ...SERVER);
    instance.write('docs/2.json', JSON.stringify({ kind: 'Surface', name: 's', servers: [{ server: 'a' }] }));
    instance.write('docs/up.run.yaml', 'servers: []');
    instance.write('docs/readme.md', '# not a document');
    expect((await instance.call(apply.run, ['-f', 'docs'])).out).toBe('server/a created\nsurface/s created\n');
    expect((await instance.call(apply.run, ['-f', 'docs/1.yaml', '-f', 'docs/2.json'])).out).toBe(
      'server/a unchanged\nsurface/s unchanged\n',
    );
    expect((await instance.call(apply.run, ['-f', '-'], { stdin: SERVER.join('\n') })).out).toBe(
      'server/a unchanged\n',
    );
  });

  test('takes back what `get -o json` gave', async () => {
    instance.write('all.yaml', ...SERVER);
    await instance.call(apply.run, ['-f', 'all.yaml']);
    const { out } = await instance.call(get.run, ['servers', 'a', '-o', 'json']);
    expect((await instance.call(apply.run, ['-f', '-'], { stdin: out })).out).toBe('server/a unchanged\n');
  });

  test('tells every problem with its line, and applies nothing', async () => {
    instance.write('good.yaml', ...SERVER);
    instance.write(
      'bad.yaml',
      '# one server',
      'kind: Server',
      'name: B_ad',
      'colour: red',
      'versions:',
      '  - version: 1',
      '    endpoints:',
      '      - url: ftp://x',
      '---',
      ...SURFACE,
      '  - server: zebra',
      '---',
      ...SERVER,
    );
    const { status, out, err } = await instance.call(apply.run, ['-f', 'good.yaml', '-f', 'bad.yaml']);
    expect([status, out]).toEqual([1, '']);
    expect(err.split('\n')).toEqual([
      expect.stringMatching(/^bad\.yaml:3: name: a name is lower-case/),
      'bad.yaml:4: colour: unknown member "colour"',
      expect.stringMatching(/^bad\.yaml:6: versions\[0\]\.version: .*expected string/),
      expect.stringMatching(/^bad\.yaml:8: versions\[0\]\.endpoints\[0\]\.url: an endpoint is http/),
      'bad.yaml:14: servers[1].server: no server is named "zebra"',
      'bad.yaml:17: name: Server "a" is given twice',
      'nothing was applied',
      '',
    ]);
    expect((await instance.registry.snapshot()).documents).toEqual([]);
  });

  test('with YAML that is broken tells its lines beside the other problems', async () => {
    instance.write(
      'bad.yaml',
      'kind: Server',
      'name: a',
      'name: b',
      '---',
      'kind: Surface',
      'name: s',
      'servers: []',
      '---',
      'kind: [Server',
      '---',
      ...SERVER,
      '---',
      ...SERVER,
    );
    const { status, err } = await instance.call(apply.run, ['-f', 'bad.yaml']);
    expect(status).toBe(1);
    expect(err).toMatch(/^bad\.yaml:3: Map keys must be unique/m);
    expect(err).toMatch(/^bad\.yaml:7: servers: /m);
    expect(err).toMatch(/^bad\.yaml:(9|10): /m);
    expect(err).toMatch(/^bad\.yaml:\d+: name: Server "a" is given twice$/m);
    expect(err).toContain('nothing was applied');
  });

  const bad: [string, string[], string][] = [
    ['an absent member is told at the document', ['# head', 'kind: Surface', 'name: s'], 'x.yaml:2: servers: '],
    [
      'a document that is no object is told at its line',
      ['', '- a list'],
      'x.yaml:2: kind: kind must be one of Secret, Server, Issuer, Surface, Policy, Revocation, NodeGroup, Runtime',
    ],
    ['a tag that nobody knows is refused', ['kind: !secret Server', 'name: a'], 'x.yaml:1: Unresolved tag'],
    [
      'aliases that would explode are refused',
      ['a: &a [x,x,x,x,x,x,x,x,x,x]', 'b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]', 'c: [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]'],
      'x.yaml:1: Excessive alias count',
    ],
    ['a file without a document is told', ['# nothing', '---', ''], 'x.yaml:1: there is no document'],
    [
      'what could steer a terminal is written out',
      [
        'kind: Policy',
        'name: p',
        'version: tbac/v1',
        'rules:',
        '  - id: r',
        '    effect: allow',
        '    tools: ["\\e[31mred"]',
      ],
      'x.yaml:7: rules[0].tools[0]: found "\\u001b[31mred"',
    ],
  ];
  test.each(bad)('%s', async (_, lines, wanted) => {
    instance.write('x.yaml', ...lines);
    const { status, err } = await instance.call(apply.run, ['-f', 'x.yaml']);
    expect([status, err.split('\n')[0]]).toEqual([1, expect.stringContaining(wanted)]);
  });

  test.each([
    ['without a file', [], 1, 'usage: chancery apply'],
    ['with an unknown flag', ['--force'], 1, 'there is no flag "--force"'],
    ['of a file that is not there', ['-f', 'none.yaml'], 1, 'none.yaml: there is no such file'],
    ['of an empty folder', ['-f', 'home'], 1, 'home: there is no .yaml, .yml or .json file in this folder'],
  ])('%s says so', async (_, args, status, wanted) => {
    mkdirSync(join(instance.folder, 'home/empty'));
    const answer = await instance.call(apply.run, args[1] === 'home' ? ['-f', 'home/empty'] : args);
    expect(answer.status).toBe(status);
    expect(answer.err).toContain(wanted.replace('home:', 'home/empty:'));
  });
});

test('the quickstart is applied as it is, and its folder too', async () => {
  const { status, out } = await instance.call(apply.run, ['-f', join(ROOT_DIR, 'examples/quickstart.yaml')]);
  expect(status).toBe(0);
  expect(out.trim().split('\n')).toEqual(
    [
      'server/everything',
      'server/filesystem',
      'server/memory',
      'surface/default',
      'surface/review',
      'policy/example',
    ].map((name) => `${name} created`),
  );
});

const EXAMPLES = readdirSync(join(ROOT_DIR, 'examples')).filter((name) => /(?<!\.run)\.yaml$/.test(name));

test('there are examples', () => {
  expect(EXAMPLES).toEqual(['lifecycle.yaml', 'quickstart.yaml']);
});

test.each(EXAMPLES)(
  '%s is applied as it is, after a dry run, and changes nothing when it is applied again',
  async (name) => {
    const file = ['-f', join(ROOT_DIR, 'examples', name)];
    const tried = await instance.call(apply.run, [...file, '--dry-run']);
    expect([tried.status, tried.err]).toEqual([2, '']);
    expect(await instance.call(apply.run, file)).toMatchObject({ status: 0, err: '' });
    expect(await instance.call(apply.run, [...file, '--dry-run'])).toMatchObject({
      status: 0,
      out: 'nothing would change\n',
    });
  },
);

describe('apply --prune', () => {
  test('deletes what is not given, but no secret', async () => {
    instance.write('all.yaml', ...SERVER, '---', ...SURFACE, '---', 'kind: Secret', 'name: t', 'value: x');
    await instance.call(apply.run, ['-f', 'all.yaml']);
    instance.write('server.yaml', ...SERVER);
    const { out } = await instance.call(apply.run, ['-f', 'server.yaml', '--prune']);
    expect(out).toBe('server/a unchanged\nsurface/s deleted\n');
    expect(instance.registry.snapshot().find('Secret', 't')).toBeDefined();
  });

  test('of what others need tells that, though it stands in no file', async () => {
    instance.write('all.yaml', ...SERVER, '---', ...SURFACE);
    await instance.call(apply.run, ['-f', 'all.yaml']);
    instance.write('surface.yaml', ...SURFACE);
    const { status, out, err } = await instance.call(apply.run, ['-f', 'surface.yaml', '--prune']);
    expect([status, out]).toEqual([1, '']);
    expect(err).toMatch(/no server is named "a"|is named by surface "s"/);
    expect(err).toMatch(/nothing was applied\n$/);
  });
});

test.each([
  ['an alias', ['kind: Secret', 'name: t', 'value: *hunter2']],
  ['a tag', ['kind: Secret', 'name: t', 'value: !hunter2']],
  ['a stray string', ['kind: Secret', 'name: t', 'value: "a" "hunter2"']],
  ['a broken document', ['kind: Secret', 'name: t', 'value: hunter2', ' x', 'hunter2']],
  ['a line break in it', ['kind: Secret', 'name: t', 'value: "hunter2\\nx"']],
  ['a member that is none', ['kind: Secret', 'name: t', 'type: tls', 'value: hunter2']],
])('a secret that is read as %s is not repeated in the problem', async (_, lines) => {
  instance.write('t.yaml', ...lines);
  const { status, out, err } = await instance.call(apply.run, ['-f', 't.yaml']);
  expect([status, out]).toEqual([1, '']);
  expect(err).toMatch(/^t\.yaml:\d: /);
  expect(err).not.toContain('hunter2');
});
