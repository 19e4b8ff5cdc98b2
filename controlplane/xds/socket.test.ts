import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { claimSocket, protectSocket } from './socket.ts';

let folder = '';
const servers: Server[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'chancery-socket-'));
});
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))));
  rmSync(folder, { recursive: true });
});

async function listen(path: string): Promise<Server> {
  const server = createServer((socket) => socket.end());
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return server;
}

test('a free path is taken as it is', async () => {
  await claimSocket(join(folder, 's'));
  expect(existsSync(join(folder, 's'))).toBe(false);
});

test('a socket that somebody listens on is left to him', async () => {
  await listen(join(folder, 's'));
  await expect(claimSocket(join(folder, 's'))).rejects.toThrow(/is in use by another process/);
  expect(existsSync(join(folder, 's'))).toBe(true);
});

test('a stale socket file is removed', async () => {
  const child = `require('node:net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`;
  const { spawnSync } = await import('node:child_process');
  spawnSync(process.execPath, ['-e', child, join(folder, 's')]);
  expect(statSync(join(folder, 's')).isSocket()).toBe(true);
  await claimSocket(join(folder, 's'));
  expect(existsSync(join(folder, 's'))).toBe(false);
});

test('a file that is no socket is not removed', async () => {
  writeFileSync(join(folder, 'f'), 'precious');
  await expect(claimSocket(join(folder, 'f'))).rejects.toThrow(/exists and is no socket/);
  expect(existsSync(join(folder, 'f'))).toBe(true);
});

test('a path that is too long for a socket is refused', async () => {
  await expect(claimSocket(join(folder, 's'.repeat(104)))).rejects.toThrow(/more than 103 bytes/);
});

test('a protected socket is for its owner alone', async () => {
  await listen(join(folder, 's'));
  protectSocket(join(folder, 's'));
  expect(statSync(join(folder, 's')).mode & 0o777).toBe(0o600);
});
