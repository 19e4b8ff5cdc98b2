// Decides that a registry is operated by its command line: a folder is tried, applied and pruned, what was done is read and taken back, and an export makes the same registry elsewhere.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openSession, raw, request, rpc, texts } from '../support/clients.ts';
import { startTestServer, type TestServer } from '../support/servers.ts';
import { type CliResult, runCli, type Stack, startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

const SECRET = 'the-upstream-password-of-this-test';
const POLICY = `kind: Policy
name: everything
version: tbac/v1
rules:
  - id: all
    effect: allow
    tools: ['*']
`;

let stack: Stack;
let other: Stack;
let server: TestServer;
let folder: string;
beforeAll(async () => {
  [server, stack, other] = await Promise.all([
    startTestServer('desk'),
    startStack({ example: '' }),
    startStack({ example: '' }),
  ]);
  folder = mkdtempSync(join(tmpdir(), 'chy-documents-'));
  document('server.yaml', serverText(1));
  document('desk.yaml', surfaceText('desk'));
  document('spare.yaml', surfaceText('spare'));
  document('policy.yaml', POLICY);
  document(
    'edge.json',
    JSON.stringify({ kind: 'NodeGroup', name: 'edge', match: { zones: ['edge-*'] }, surfaces: ['desk'] }),
  );
});
afterAll(async () => {
  await server?.close();
  await Promise.all([stack?.stop(), other?.stop()]);
  stack?.remove();
  other?.remove();
  rmSync(folder, { recursive: true, force: true });
});

function document(file: string, text: string): void {
  writeFileSync(join(folder, file), text);
}

const serverText = (weight: number): string => `kind: Server
name: desk
owner: { team: support, contact: desk@example.com }
labels: { team: support }
classification: internal
versions:
  - version: "1"
    endpoints: [{ url: "${server.url}", weight: ${weight} }]
    auth: { type: header, header: x-desk-key, secret: desk-key }
  - version: "0"
    state: deprecated
    endpoints: [{ url: "${server.url}" }]
    auth: { type: header, header: x-desk-key, secret: desk-key }
`;
const surfaceText = (name: string): string => `kind: Surface\nname: ${name}\nservers: [{ server: desk }]\n`;

async function done(running: Promise<CliResult>): Promise<string> {
  const { status, stdout, stderr } = await running;
  expect(status, `${stdout}${stderr}`).toBe(0);
  return stdout;
}

const tried = (...args: string[]): Promise<CliResult> => stack.cli('apply', '-f', folder, '--dry-run', ...args);
const exported = (from: Stack): Promise<string> => done(from.cli('export'));

/** Whether the surface's address is one at this gateway. */
async function isServed(at: Stack, surface: string, wanted: boolean): Promise<void> {
  const token = await at.token(surface);
  await until(
    `${surface} is ${wanted ? '' : 'not '}served`,
    async () => (await raw(at.mcp(surface), { token, body: request(1, 'ping') })).status,
    (status) => (status === 404) !== wanted,
  );
}

async function greeting(at: Stack): Promise<string> {
  await isServed(at, 'desk', true);
  const token = await at.token('desk');
  return until(
    'the tool is called',
    async () => {
      const session = await openSession(at.mcp('desk'), token);
      const params = { name: 'greet', arguments: { who: 'you' } };
      const answer = await rpc(await raw(at.mcp('desk'), { token, session, body: request(1, 'tools/call', params) }));
      return texts(answer.result);
    },
    (text) => text !== '',
  );
}

test('a folder is tried, which ends with 2 and writes nothing; applied; and tried again, which ends with 0', async () => {
  const missing = await tried();
  expect(missing.status).toBe(1);
  expect(missing.stderr).toContain('desk-key');
  await done(runCli(['secret', 'set', 'desk-key'], stack.env, SECRET));
  const before = await exported(stack);

  const first = await tried();
  expect(first.status, first.stderr).toBe(2);
  for (const name of ['server/desk', 'surface/desk', 'surface/spare', 'policy/everything', 'nodegroup/edge'])
    expect(first.stdout).toContain(`${name} would be created`);
  // What Envoys, and the services beside them, would be given.
  expect(first.stdout).toMatch(/group envoy would be sent \d+ resources/);
  expect(first.stdout).toContain('group ext-proc would be sent');
  expect(first.stdout).toContain('+ mcp.desk.1\n');
  expect(await exported(stack)).toBe(before);
  expect((await stack.api('GET', '/v1/surfaces/desk')).status).toBe(404);

  expect(await done(stack.cli('apply', '-f', folder, '--why', 'the first of all'))).toContain('server/desk created\n');
  const again = await tried();
  expect(`${again.stdout}${again.status}`).toBe('nothing would change\n0');
  expect(await done(stack.cli('apply', '-f', folder))).toContain('server/desk unchanged\n');
  expect(await greeting(stack)).toBe('desk greets you');
  expect(server.requests.at(-1)?.headers['x-desk-key']).toBe(SECRET);
});

test('a changed line is shown as such, applied, found in the history, and rolled back to the byte', async () => {
  const before = await exported(stack);
  const { revision } = (await (await stack.api('GET', '/v1/servers')).json()) as { revision: number };
  document('server.yaml', serverText(7));
  const difference = await tried();
  expect(difference.status).toBe(2);
  expect(difference.stdout).toContain('server/desk would be updated\n');
  expect(difference.stdout).toMatch(/^ {2}-\s+weight: 1$/m);
  expect(difference.stdout).toMatch(/^ {2}\+\s+weight: 7$/m);
  expect(difference.stdout).toContain('4 documents would not change\n');
  // The weight is the Envoys' alone.
  expect(difference.stdout).toMatch(/group envoy would be sent 1 resource: 1 changed\n {2}EDS: /);
  expect(difference.stdout).not.toContain('ext-proc');

  await done(stack.cli('apply', '-f', folder, '--why', 'more for this one'));
  expect(await exported(stack)).not.toBe(before);
  const history = JSON.parse(await done(stack.cli('history', 'server', 'desk', '-o', 'json'))) as {
    items: { who: string; why: string; revision: number; change: string }[];
  };
  const writes = history.items.filter(({ change }) => change !== 'transition');
  expect(writes.map(({ who, why, change }) => [who, why, change])).toEqual([
    ['operator-token', 'more for this one', 'updated'],
    ['operator-token', 'the first of all', 'created'],
  ]);

  const back = ['rollback', 'server', 'desk', String(revision)];
  const attempt = await stack.cli(...back, '--dry-run');
  expect(attempt.status, attempt.stderr).toBe(2);
  expect(attempt.stdout).toMatch(/^ {2}\+\s+weight: 1$/m);
  await done(stack.cli(...back, '--why', 'it was too much'));
  expect(await exported(stack)).toBe(before);
  const log = await done(stack.cli('history', 'server', 'desk'));
  expect(log).toContain('it was too much');
  document('server.yaml', serverText(1));
  expect((await tried()).status).toBe(0);
});

test('an export makes the same registry in a fresh instance, once its secrets are there', async () => {
  const text = await exported(stack);
  expect(text).not.toContain(SECRET);
  expect(await exported(stack)).toBe(text);
  const apply = (...args: string[]): Promise<CliResult> => runCli(['apply', '-f', '-', ...args], other.env, text);

  const refused = await apply();
  expect(refused.status).toBe(1);
  expect(refused.stderr).toContain('-:2: value: a new secret needs its value');
  expect(refused.stderr).toContain('nothing was applied');
  expect(await exported(other)).toBe('');

  await done(runCli(['secret', 'set', 'desk-key'], other.env, `${SECRET}-2`));
  expect((await apply('--dry-run')).status).toBe(2);
  await done(apply());
  expect(await exported(other)).toBe(text);
  expect((await apply('--dry-run')).status).toBe(0);
  expect(await greeting(other)).toBe('desk greets you');
  expect(server.requests.at(-1)?.headers['x-desk-key']).toBe(`${SECRET}-2`);

  // The same as a folder, and after a restart.
  const files = join(folder, '..', `${folder.split('/').at(-1)}-export`);
  try {
    await done(other.cli('export', '-o', files));
    expect(readdirSync(files).sort()).toEqual(['nodegroup', 'policy', 'secret', 'server', 'surface']);
    const written = readFileSync(join(files, 'server', 'desk.yaml'), 'utf8');
    expect(text).toContain(written);
    expect((await stack.cli('apply', '-f', files, '--prune', '--dry-run')).status).toBe(0);
  } finally {
    rmSync(files, { recursive: true, force: true });
  }
  await other.stop();
  other = await startStack({ example: '', home: other.home, ports: other.ports });
  expect(await exported(other)).toBe(text);
});

test('what is taken out of the folder goes with --prune only, and no secret goes', async () => {
  await isServed(stack, 'spare', true);
  rmSync(join(folder, 'spare.yaml'));
  rmSync(join(folder, 'edge.json'));
  expect((await tried()).status).toBe(0);
  const pruned = await tried('--prune');
  expect(pruned.status, pruned.stderr).toBe(2);
  expect(pruned.stdout).toContain('surface/spare would be deleted\n');
  expect(pruned.stdout).toContain('nodegroup/edge would be deleted\n');
  expect(pruned.stdout).not.toMatch(/^secret/m);
  await isServed(stack, 'spare', true);

  await done(stack.cli('apply', '-f', folder, '--prune', '--why', 'nobody uses it'));
  await isServed(stack, 'spare', false);
  expect((await tried('--prune')).status).toBe(0);
  const left = await exported(stack);
  expect([...left.matchAll(/^kind: (\w+)$/gm)].map(([, kind]) => kind)).toEqual([
    'Secret',
    'Server',
    'Surface',
    'Policy',
  ]);
  expect(await greeting(stack)).toBe('desk greets you');

  // What was pruned comes back from the history.
  const history = JSON.parse(await done(stack.cli('history', 'surface', 'spare', '-o', 'json'))) as {
    items: { why: string; revision: number; change: string }[];
  };
  expect(history.items.map(({ change, why }) => [change, why])).toEqual([
    ['deleted', 'nobody uses it'],
    ['created', 'the first of all'],
  ]);
  await done(stack.cli('rollback', 'surface', 'spare', String(history.items[1]?.revision)));
  await isServed(stack, 'spare', true);
});

test('kill -9 of the control plane while a thousand documents are written: what was acknowledged is there, and whole', async () => {
  const names = Array.from({ length: 1_000 }, (_, index) => `kept-${index}`);
  const acknowledged: string[] = [];
  const refused: number[] = [];
  const pid = stack.pid('controlplane');
  let killed = false;
  const lane = async (): Promise<void> => {
    for (let name = names.pop(); name !== undefined; name = names.pop()) {
      try {
        const body = { value: `value of ${name}`, description: name };
        const response = await stack.api('PUT', `/v1/secrets/${name}`, body);
        await response.text();
        if (response.status === 201) acknowledged.push(name);
        else refused.push(response.status);
      } catch {
        // It was not answered: it may be there or not.
      }
      if (acknowledged.length >= 300 && !killed) killed = process.kill(pid, 'SIGKILL');
    }
  };
  await Promise.all(Array.from({ length: 50 }, lane));
  expect(refused).toEqual([]);
  await until(
    'the control plane is there again',
    () =>
      stack.api('GET', '/v1/status').then(
        ({ status }) => status,
        () => 0,
      ),
    (status) => status === 200,
    30_000,
  );
  expect(stack.pid('controlplane')).not.toBe(pid);
  const found = (await (await stack.api('GET', '/v1/secrets?limit=1000')).json()) as {
    items: { name: string; description?: string }[];
  };
  const there = found.items.filter(({ name }) => name.startsWith('kept-'));
  const kept = new Set(there.map(({ name }) => name));
  expect(acknowledged.filter((name) => !kept.has(name))).toEqual([]);
  expect(acknowledged.length).toBeGreaterThanOrEqual(300);
  // Nothing is half-written: each has its content, and the change log says of each that it was made, once.
  expect(there.filter(({ name, description }) => name !== description)).toEqual([]);
  for (const { name } of there.slice(0, 20)) {
    const { items } = (await (await stack.api('GET', `/v1/log?kind=Secret&name=${name}`)).json()) as {
      items: object[];
    };
    expect(items, name).toMatchObject([{ change: 'created' }]);
  }
});
