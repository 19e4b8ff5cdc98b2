import { expect, test } from 'vitest';
import { splitFlags } from './flags.ts';

test.each([
  [
    'a setting is taken out, with its value as the next word',
    ['--port', '1', '-f', 'x'],
    { flags: { port: '1' }, args: ['-f', 'x'] },
  ],
  [
    'a setting is taken out, with its value behind an equals sign',
    ['--port=1=2'],
    { flags: { port: '1=2' }, args: [] },
  ],
  ['the last one counts', ['--home', 'a', '--home', 'b'], { flags: { home: 'b' }, args: [] }],
  ["a command's own flag is left to it", ['--sub', 'agent'], { flags: {}, args: ['--sub', 'agent'] }],
  ['a name that only begins like a setting is not one', ['--ports', '1'], { flags: {}, args: ['--ports', '1'] }],
  ['what follows a double hyphen is left alone', ['--', '--port', '1'], { flags: {}, args: ['--', '--port', '1'] }],
  ['nothing is nothing', [], { flags: {}, args: [] }],
  ['a setting without value is a problem', ['--port'], { problem: '--port needs a value' }],
])('%s', (_name, argv, wanted) => {
  expect(splitFlags(argv)).toEqual(wanted);
});
