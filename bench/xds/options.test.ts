import { expect, test } from 'vitest';
import { readXdsOptions } from './options.ts';

test('without flags it is the registry and the clients that we promise', () => {
  expect(readXdsOptions([])).toEqual({
    servers: 10_000,
    surfaces: 2_000,
    clients: 500,
    wildcards: 10,
    held: 200,
    changes: 40,
    burst: 1_000,
    json: null,
    check: false,
  });
});

test('each can be another', () => {
  expect(readXdsOptions(['--servers', '5', '--json', 'x.json', '--check'])).toMatchObject({
    servers: 5,
    surfaces: 2_000,
    json: 'x.json',
    check: true,
  });
});

test.each<[string, readonly string[], string]>([
  ['no number', ['--clients', 'many'], '--clients: found "many"'],
  ['none', ['--servers', '0'], '--servers: found "0"'],
  ['too many', ['--servers', '1000001'], 'wanted 1 to 1000000'],
  ['more wildcards than clients', ['--clients', '5'], '--wildcards'],
  ['an unknown flag', ['--server', '5'], '--server'],
  ['a word', ['quick'], 'quick'],
])('%s is refused', (_name, argv, words) => {
  expect(readXdsOptions(argv)).toEqual({ problem: expect.stringContaining(words) });
});
