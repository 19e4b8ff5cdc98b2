import { EventEmitter } from 'node:events';
import { expect, test } from 'vitest';
import { readHidden } from './hidden-input.ts';

/** A terminal whose keys are pressed by the test. */
class Terminal extends EventEmitter {
  readonly modes: boolean[] = [];
  paused = false;
  setRawMode(raw: boolean): void {
    this.modes.push(raw);
  }
  resume(): void {}
  pause(): void {
    this.paused = true;
  }
}

const typed: [string, (string | Buffer)[], string | null][] = [
  ['a line', ['hunter2\r'], 'hunter2'],
  ['a line in pieces', ['hun', 'ter2', '\n'], 'hunter2'],
  ['an empty line', ['\r'], ''],
  ['what is taken back', ['hunterr\u007f2x\b\r'], 'hunter2'],
  ['more taken back than there is', ['\u007f\u007fa\r'], 'a'],
  ['letters of several bytes, cut in two', [Buffer.from([0xc3]), Buffer.from([0xbc, 0x0d])], 'ü'],
  ['a letter of two halves, taken back', ['🙂\u007fa\r'], 'a'],
  ['Ctrl-C', ['hun\u0003'], null],
  ['Ctrl-D at the beginning', ['\u0004'], null],
  ['Ctrl-D in the middle', ['a\u0004b\r'], 'ab'],
];
test.each(typed)('%s is read without being shown', async (_, keys, wanted) => {
  const terminal = new Terminal();
  let shown = '';
  const line = readHidden('value: ', terminal, (text) => {
    shown += text;
  });
  for (const key of keys) terminal.emit('data', key);
  expect(await line).toBe(wanted);
  expect([shown, terminal.modes, terminal.paused]).toEqual(['value: \n', [true, false], true]);
  expect(terminal.listenerCount('data')).toBe(0);
});

test('an input that ends is called off', async () => {
  const terminal = new Terminal();
  const line = readHidden('', terminal, () => {});
  terminal.emit('data', 'hun');
  terminal.emit('end');
  expect(await line).toBeNull();
});
