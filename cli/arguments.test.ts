import { expect, test } from 'vitest';
import { readArguments } from './arguments.ts';
import { COMMANDS, type CommandName, commandNamed, commandRow } from './commands.ts';

const NONE = { file: [], prune: false, 'dry-run': false, why: undefined };

test.each([
  ['nothing', [], NONE],
  ['a short flag', ['-f', 'x'], { ...NONE, file: ['x'] }],
  ['a hyphen as its value', ['-f', '-'], { ...NONE, file: ['-'] }],
  ['one that may come several times', ['-f', 'x', '--file', 'y', '--file=z'], { ...NONE, file: ['x', 'y', 'z'] }],
  ['one that may not: the last counts', ['--why', 'x', '--why=y'], { ...NONE, why: 'y' }],
  ['a value behind an equals sign that begins with a hyphen', ['--why=--prune'], { ...NONE, why: '--prune' }],
  ['an empty value', ['--why='], { ...NONE, why: '' }],
  ['one without a value', ['--prune', '--dry-run'], { ...NONE, prune: true, 'dry-run': true }],
])('%s is read', (_, args, wanted) => {
  expect(readArguments('apply', args)).toEqual({ flags: wanted, words: [] });
});

test.each([
  ['a flag that is none', ['--forse'], 'there is no flag "--forse"'],
  ['one that is misspelt', ['--dryrun'], 'there is no flag "--dryrun" (did you mean "--dry-run"?)'],
  ['a setting that is misspelt', ['--hom', 'x'], 'there is no flag "--hom" (did you mean "--home"?)'],
  ['a letter that is none', ['-x'], 'there is no flag "-x"'],
  ['a name that every object has', ['--constructor'], 'there is no flag "--constructor"'],
  ['a flag without its value', ['--why'], '--why needs a value: TEXT'],
  [
    'a flag in place of its value',
    ['--why', '--dry-run'],
    '--why needs a value, found "--dry-run" (write --why=VALUE if it is one)',
  ],
  ['a value that is not wanted', ['--prune=no'], '--prune takes no value, found "no"'],
  ['a word too many', ['x'], 'found "x" where nothing more is wanted'],
  ['a flag behind a double hyphen, which is a word', ['--', '--prune'], 'found "--prune" where nothing more is wanted'],
])('%s is a problem', (_, args, problem) => {
  expect(readArguments('apply', args)).toEqual({ problem });
});

test.each([
  ['one word', ['get', 'servers'], 'get', ['servers']],
  ['two words', ['key', 'create', '--sub', 'a'], 'key create', ['--sub', 'a']],
])('a command of %s is known', (_, argv, name, args) => {
  expect(commandNamed(argv)).toEqual({ name, args });
});

test.each([['key'], ['key crate'], ['constructor'], [''], ['create key']])('%j is no command', (words) => {
  expect(commandNamed(words.split(' '))).toBeNull();
});

const NAMES = Object.keys(COMMANDS) as CommandName[];

test.each(NAMES)('every example of %s can be read as it is written', (name) => {
  for (const example of commandRow(name).examples) {
    // What a shell does: quotes, and what comes behind a redirection or before a pipe.
    const own =
      example
        .split(' | ')
        .at(-1)
        ?.replace(/^chancery /, '')
        .replace(/ >.*$/, '') ?? '';
    const argv = [...own.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(
      ([, quoted, single, plain]) => quoted ?? single ?? plain ?? '',
    );
    const found = commandNamed(argv);
    expect(found?.name, example).toBe(name);
    expect(readArguments(name, found?.args ?? []), example).not.toHaveProperty('problem');
  }
  expect(commandRow(name).examples.length).toBeGreaterThan(0);
});

test.each(NAMES)('%s has a command behind it', async (name) => {
  expect(await commandRow(name).load()).toBeTypeOf('function');
});
