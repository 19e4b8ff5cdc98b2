// Decides how a stand-in part behaves: what the supervisor sees of the real one, and nothing else.
import { renameSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { join } from 'node:path';
import { SOCKETS } from '../../core/contract.ts';

const [role = '', ...words] = process.argv.slice(2);
const { CHANCERY_HOME: home = '', CHANCERY_RUN_DIR: runDir = '' } = process.env;

const answer =
  (status: number, body: string): RequestListener =>
  (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(body);
  };

function controlplane(apiPort: number): void {
  writeFileSync(join(home, 'operator.token'), 'operator\n', { mode: 0o600 });
  const documents = new Set<string>();
  const api: RequestListener = (request, response) => {
    if (request.headers.authorization !== 'Bearer operator') return answer(401, '{}')(request, response);
    if (request.method === 'POST') documents.add('one');
    const servers = [...documents].map((name) => ({ name, discovered: true }));
    const pages: Record<string, unknown> = { '/v1/status': { ready: true, servers }, '/v1/servers': servers };
    return answer(200, JSON.stringify(pages[request.url ?? ''] ?? []))(request, response);
  };
  createServer(api).listen(apiPort, '127.0.0.1', () => {
    const path = join(runDir, 'envoy-bootstrap.json');
    writeFileSync(`${path}.new`, '{}');
    renameSync(`${path}.new`, path);
  });
}

const ROLES: Readonly<Record<string, () => void>> = {
  controlplane: () => controlplane(Number(words[0])),
  envoy: () => {
    createServer(answer(401, '{}')).listen(Number(words[0]), '127.0.0.1');
    createServer(answer(200, 'LIVE')).listen(join(runDir, SOCKETS.envoyAdmin));
  },
  /** Neither listens to TERM nor notices that its supervisor is gone. */
  stubborn: () => {
    process.on('SIGTERM', () => {});
    createServer(answer(200, '{}')).listen(join(runDir, SOCKETS.extProc));
  },
  quiet: () => {
    createServer(answer(200, '{}')).listen(join(runDir, words[0] ?? ''));
  },
  broken: () => {
    process.stderr.write(`${JSON.stringify({ level: 60, msg: 'the registry is not a database' })}\n`);
    process.exitCode = 78;
  },
};
ROLES[role]?.();
