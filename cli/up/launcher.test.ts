import { expect, test } from 'vitest';
import { launchersOf, type ReadProcess } from './launcher.ts';

const processes: Readonly<Record<number, readonly [number, ...string[]]>> = {
  10: [1, 'npm start', '', ''],
  11: [10, 'sh', '-c', 'node cli/main.ts up'],
  12: [11, 'node', 'cli/chancery.mjs', 'up'],
  20: [1, '-bash'],
  21: [20, 'node', '/usr/lib/npm/bin/npx-cli.js', 'chancery'],
  30: [20, 'sh'],
  31: [30, 'sh'],
  32: [31, 'sh'],
  33: [32, 'sh'],
  34: [33, 'sh'],
};
const read: ReadProcess = (pid) => {
  const row = processes[pid];
  if (row === undefined) return null;
  const [ppid, ...argv] = row;
  return { ppid, argv };
};
const npm = { npm_execpath: '/usr/lib/npm/bin/npm-cli.js' };

test.each([
  ['npm, when it started us without a shell', npm, 10, [10]],
  ['npm and what lies between', npm, 11, [11, 10]],
  ['our own launcher as well', { ...npm, CHANCERY_LAUNCHER: '12' }, 12, [12, 11, 10]],
  ['npx, which is told by its script', npm, 21, [21]],
  ['our launcher alone, when a person called it', { CHANCERY_LAUNCHER: '12' }, 12, [12]],
  ["nobody, when a person's shell started us: it may end before us", {}, 20, []],
  ['nobody, when npm is only in the environment that was inherited', npm, 20, []],
  ['nobody, when npm is too far up', npm, 34, []],
  ['nobody, when the launcher named is not our parent', { CHANCERY_LAUNCHER: '12' }, 20, []],
  ['nobody, when the parent cannot be read', npm, 99, []],
])('watched is %s', (_name, env, ppid, wanted) => {
  expect(launchersOf(env, ppid, read)).toEqual(wanted);
});
