import { describe, expect, test } from 'vitest';
import { problemsOf } from '../../test/support/documents.ts';
import { PRIVATE_KEY as KEY, OTHER_KEY, CERTIFICATE as PEM } from '../../test/support/pems.ts';
import { LIMITS } from '../limits.ts';
import { DOCUMENT_KINDS, parseDocument } from './document.ts';
import { SECRET_MEMBERS } from './documents/secret.ts';

describe('a surface', () => {
  const mapped = (...maps: object[][]) =>
    surface({ naming: 'mapped', servers: maps.map((map, index) => ({ server: `s${index}`, map })) });
  const surface = (over: object = {}) => ({ kind: 'Surface', name: 's', servers: [{ server: 'a' }], ...over });
  test('has everything of its servers, wants a token, and is decided on by ext-proc, unless it says otherwise', () => {
    expect(parseDocument(surface())).toEqual({
      document: {
        ...surface(),
        labels: {},
        auth: 'token',
        decision: 'ext_proc',
        servers: [{ server: 'a', tools: ['*'], prompts: ['*'], resources: ['*'] }],
      },
    });
  });
  test.each<[string, object, RegExp]>([
    ['without a server', surface({ servers: [] }), /^servers: /],
    ['with a server of no name', surface({ servers: [{ tools: ['*'] }] }), /^servers\.0\.server: /],
    ['with another way to authenticate', surface({ auth: 'basic' }), /^auth: /],
    ['with another way to decide', surface({ decision: 'none' }), /^decision: /],
    ['with an empty pattern', surface({ servers: [{ server: 'a', tools: [''] }] }), /^servers\.0\.tools\.0: /],
    ['with names of another kind', surface({ naming: 'flat' }), /^naming: /],
    ['with a limit of none', surface({ limits: { tools: 0 } }), /^limits\.tools: /],
    [
      'with a map where names are not mapped',
      surface({ servers: [{ server: 'a', map: [{ tool: 't' }] }] }),
      /^servers\.0\.map: "map" is for naming: mapped$/,
    ],
    [
      'with a tool that is mapped twice',
      mapped([{ tool: 't' }, { tool: 't', name: 'u' }]),
      /^servers\.0\.map\.1\.tool: the tool "t" is mapped twice$/,
    ],
    [
      'with two tools of one name',
      mapped([{ tool: 't', name: 'u' }], [{ tool: 'u' }]),
      /^servers\.1\.map\.0\.name: two tools of the surface would be named "u"$/,
    ],
    [
      'with a name that clients do not take',
      mapped([{ tool: 't', name: 'two words' }]),
      /^servers\.0\.map\.0\.name: a tool name is 1 to 128 letters/,
    ],
    [
      'with an argument that is fixed and hidden',
      mapped([{ tool: 't', hide: ['a'], fix: { a: 1 } }]),
      /^servers\.0\.map\.0\.hide\.0: "a" is fixed, and so hidden$/,
    ],
    [
      'with more servers than a call is fanned out to',
      surface({ servers: Array.from({ length: 65 }, (_, i) => ({ server: `s${i}` })) }),
      /^servers: /,
    ],
  ])('%s', (_, value, problem) => {
    expect(problemsOf(value)).toEqual([expect.stringMatching(problem)]);
  });
});

describe('a policy', () => {
  const policy = (...rules: object[]) => ({ kind: 'Policy', name: 'p', version: 'tbac/v1', rules });
  const rule = (over: object = {}) => ({ id: 'r', effect: 'allow', tools: ['*'], ...over });
  test('speaks of all surfaces unless it names some', () => {
    expect(parseDocument(policy(rule()))).toEqual({
      document: { ...policy(rule()), labels: {}, mode: 'enforce', surfaces: ['*'] },
    });
  });
  test('does not grow members that it did not have', () => {
    const result = parseDocument(policy(rule({ who: { subjects: ['a'] } })));
    if ('problems' in result || result.document.kind !== 'Policy') throw new Error('no policy');
    expect(Object.keys(result.document.rules[0]!)).toEqual(['id', 'effect', 'who', 'tools']);
    expect(Object.keys(result.document.rules[0]!.who!)).toEqual(['subjects']);
  });
  test.each<[string, object, string | RegExp]>([
    ['without a rule', policy(), /^rules: /],
    ['of another version', { ...policy(rule()), version: 'tbac/v2' }, /^version: /],
    [
      'with a rule that speaks of nothing',
      policy({ id: 'r', effect: 'allow' }),
      'rules.0: a rule names tools, prompts, resources or a task',
    ],
    ['with a rule of another effect', policy(rule({ effect: 'log' })), /^rules\.0\.effect: /],
    ['with an id that is used twice', policy(rule(), rule()), 'rules.1.id: the rule id "r" is used twice'],
    [
      'with a condition under another name',
      policy(rule({ unless: 'true' })),
      'rules.0.unless: unknown member "unless"',
    ],
    ['with nobody where somebody is meant', policy(rule({ who: { subjects: [] } })), /^rules\.0\.who\.subjects: /],
    [
      'with a not in a not',
      policy(rule({ who: { not: { groups: ['g'], not: { subjects: ['a'] } } } })),
      'rules.0.who.not.not: unknown member "not"',
    ],
    [
      'with a rate, which may be one or a list, that has something wrong in it',
      policy(rule({ obligations: { rate: { calls: 3, per: '1h', by: ['user'] } } })),
      /^rules\.0\.obligations\.rate\.by\.0: .*"principal"/,
    ],
    [
      'with a reason of two lines',
      policy(rule({ reason: 'a\nb' })),
      'rules.0.reason: control characters are not allowed',
    ],
  ])('%s', (_, value, problem) => {
    expect(problemsOf(value)).toEqual([typeof problem === 'string' ? problem : expect.stringMatching(problem)]);
  });
});

describe('a secret', () => {
  const secret = (over: object) => ({ kind: 'Secret', name: 's', ...over });
  test('is a value, or a certificate with its key, or what it was', () => {
    for (const over of [
      { value: 'x' },
      { value: 'ü\tx' },
      { type: 'tls', certificate: PEM, privateKey: KEY },
      {},
      { type: 'tls' },
    ]) {
      expect(problemsOf(secret(over))).toEqual([]);
    }
  });
  test.each<[string, object, string | RegExp]>([
    [
      'of two lines, which would be two headers',
      { value: 'a\r\nx-admin: 1' },
      'value: a line break or NUL is not allowed',
    ],
    [
      'with a control character, which no header may have',
      { value: 'a\u001bb' },
      'value: a control character is not allowed',
    ],
    ['with another one', { value: 'a\u007f' }, 'value: a control character is not allowed'],
    ['of nothing', { value: '' }, /^value: /],
    ['of another type', { type: 'file' }, /^type: /],
    ['with a value where a certificate belongs', { type: 'tls', value: 'x' }, /^value: a secret of type tls/],
    [
      'with a certificate where a value belongs',
      { certificate: PEM },
      'certificate: a secret of type opaque has a value',
    ],
    [
      'with a certificate without its key',
      { type: 'tls', certificate: PEM },
      'privateKey: a certificate and its privateKey are given together',
    ],
    [
      'with a certificate that is none',
      { type: 'tls', certificate: 'x', privateKey: KEY },
      /^certificate: wanted a PEM/,
    ],
    [
      'with the key of another certificate, which Envoy refuses together with every secret beside it',
      { type: 'tls', certificate: PEM, privateKey: OTHER_KEY },
      'privateKey: it is not the key of the (first) certificate',
    ],
  ])('%s', (_, over, problem) => {
    expect(problemsOf(secret(over))).toEqual([typeof problem === 'string' ? problem : expect.stringMatching(problem)]);
  });
  test('has members that are cut off, which are all that hold one', () => {
    expect([...SECRET_MEMBERS]).toEqual(['value', 'certificate', 'privateKey']);
  });
});

describe('a node group', () => {
  const group = (over: object) => ({ kind: 'NodeGroup', name: 'edge', match: { ids: ['edge-*'] }, ...over });
  test('serves all surfaces unless it names some', () => {
    expect(parseDocument(group({}))).toMatchObject({ document: { surfaces: ['*'], labels: {} } });
  });
  test.each<[string, object, RegExp]>([
    ['that matches anything', { match: {} }, /^match: give ids, clusters, metadata or zones$/],
    ['that matches nothing', { match: { ids: [] } }, /^match\.ids: /],
    ['without a match', { match: undefined }, /^match: /],
    ['with a match that is not known', { match: { ids: ['a'], region: ['b'] } }, /^match\.region: unknown member/],
  ])('%s is refused', (_, over, problem) => {
    expect(problemsOf(group(over))).toEqual([expect.stringMatching(problem)]);
  });
});

describe('a runtime', () => {
  const runtime = (values: object) => ({ kind: 'Runtime', name: 'r', values });
  test('has values of three kinds', () => {
    expect(problemsOf(runtime({ 'a.b': 1, c: true, d: 'x' }))).toEqual([]);
  });
  test.each<[string, object, RegExp]>([
    ['a list', { a: [] }, /^values\.a: /],
    ['a key with a space', { 'a b': 1 }, /^values: a runtime key is letters, .*, found "a b"$/],
    [
      'a key that the gateway stands on',
      { 'envoy.reloadable_features.ext_proc_graceful_grpc_close': false },
      /^values\.envoy\..*: this key is fixed: the gateway needs it$/,
    ],
  ])('not %s', (_, values, problem) => {
    expect(problemsOf(runtime(values))).toEqual([expect.stringMatching(problem)]);
  });
});

describe('what is no document', () => {
  test.each<[unknown, string]>([
    [null, 'nothing'],
    [undefined, 'nothing'],
    [7, 'nothing'],
    ['Server', 'nothing'],
    [[], 'nothing'],
    [{}, 'nothing'],
    [{ kind: 7 }, '7'],
    [{ kind: 'server' }, '"server"'],
    [{ kind: 'toString' }, '"toString"'],
    [{ kind: '__proto__' }, '"__proto__"'],
  ])('%j', (value, found) => {
    expect(problemsOf(value)).toEqual([
      `kind: kind must be one of Secret, Server, Issuer, Surface, Policy, Revocation, NodeGroup, Runtime, found ${found}`,
    ]);
  });

  test('says all of its problems at once, each at its own place', () => {
    expect(
      problemsOf({
        kind: 'Server',
        name: 'A',
        versions: [{ version: '', stdio: { command: 'x', shell: true }, surplus: 1 }],
        owner: { team: 'me', boss: 'you' },
      }),
    ).toEqual([
      'name: a name is lower-case letters, digits and inner hyphens, e.g. "github-prod"',
      'owner.boss: unknown member "boss"',
      'versions.0.version: a version is letters, digits, dots, hyphens, e.g. "1.4.0"',
      'versions.0.stdio.shell: unknown member "shell"',
      'versions.0.surplus: unknown member "surplus"',
    ]);
  });
});

test('the table of kinds is in the order in which they are written', () => {
  expect(Object.keys(DOCUMENT_KINDS)).toEqual([
    'Secret',
    'Server',
    'Issuer',
    'Surface',
    'Policy',
    'Revocation',
    'NodeGroup',
    'Runtime',
  ]);
});

describe('what is told of a document', () => {
  test('is so many problems and no more, and says how many there are', () => {
    const labels = Object.fromEntries(Array.from({ length: 1_000 }, (_, index) => [`No ${index}`, 'x']));
    const problems = problemsOf({ kind: 'NodeGroup', name: 'edge', match: { ids: ['*'] }, labels });
    expect(problems).toHaveLength(LIMITS.documentProblemsMax + 1);
    expect(problems.at(-1)).toMatch(/^: and \d+ more problems$/);
  });
  test('repeats only the beginning of a long word', () => {
    const long = 'x'.repeat(1_000_000);
    for (const value of [{ kind: long }, { kind: 'Secret', name: 's', [long]: 1 }]) {
      const text = problemsOf(value).join('');
      expect([text.includes('xxx'), text.length < 1_000]).toEqual([true, true]);
    }
  });
});
