import { describe, expect, test } from 'vitest';
import { childCommand, childEnvironment } from './environment.ts';

const BASE = {
  PATH: '/bin',
  HOME: '/home/a',
  LANG: 'C',
  TMPDIR: '/t',
  CHANCERY_HOME: '/secret',
  NODE_OPTIONS: '-r x',
  AWS_SECRET: 's',
};

describe('childEnvironment', () => {
  test('only PATH, HOME, LANG, TMPDIR are passed on', () => {
    expect(childEnvironment({ env: {} }, BASE)).toEqual({ PATH: '/bin', HOME: '/home/a', LANG: 'C', TMPDIR: '/t' });
  });
  test('absent ones stay absent', () => {
    expect(childEnvironment({ env: {} }, { PATH: '/bin', HOME: undefined })).toEqual({ PATH: '/bin' });
  });
  test("the operator's come with them and win", () => {
    expect(childEnvironment({ env: { PATH: '/mine', A: '1' } }, { PATH: '/bin' })).toEqual({ PATH: '/mine', A: '1' });
  });
});

describe('childCommand', () => {
  test('node is the Node that runs us', () => expect(childCommand('node', '/n/node')).toBe('/n/node'));
  test.each(['/usr/bin/node', 'nodejs', 'npx', './node'])('%s is itself', (command) => {
    expect(childCommand(command, '/n/node')).toBe(command);
  });
});
