// Decides how the reference server of everything is started: as its package has it, but on loopback.
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { NODE } from '../../support/stack.ts';
import { type ProcessServer, startProcessServer } from './process-server.ts';

const PACKAGE = '@modelcontextprotocol/server-everything/package.json';

export function startEverything(): Promise<ProcessServer> {
  const main = join(dirname(createRequire(import.meta.url).resolve(PACKAGE)), 'dist', 'index.js');
  const loopback = join(import.meta.dirname, 'loopback.mjs');
  return startProcessServer(NODE, ['--import', loopback, main, 'streamableHttp'], { PORT: '0' });
}
