// Decides what an operator sees of a start that goes well, one that cannot, and one after a kill.
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { openSession, raw, request } from '../support/clients.ts';
import { alive, tree } from '../support/proc.ts';
import { freeStackPorts, runCli, type Stack, startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

const reachable = (port: number): Promise<boolean> =>
  fetch(`http://127.0.0.1:${port}/`).then(
    () => true,
    () => false,
  );

describe('an instance', () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await startStack();
  });
  afterAll(() => stack?.remove());

  test('says where it is, with a token and two lines to paste that work', async () => {
    const output = stack.output();
    expect(output).toContain(`ready ${stack.mcp()}`);
    expect(output).toContain(`http://127.0.0.1:${stack.ports.api}`);
    expect(output).toMatch(/mcp add .*--header "Authorization: Bearer /);
    const [, token = '', url = ''] = /curl -H "Authorization: Bearer (\S+)" (\S+)/.exec(output) ?? [];
    const response = await raw(url, { method: 'GET', token });
    expect(response.status).toBe(200);
    expect(await response.text()).toContain('everything__echo');
  });

  test('token prints a token and nothing else; its key is its owner’s alone', async () => {
    const result = await stack.cli('token', '--sub', 'alice', '--surface', 'review');
    expect(result).toMatchObject({ status: 0, stderr: '' });
    expect(result.stdout).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/);
    const claims = JSON.parse(Buffer.from(result.stdout.split('.')[1] ?? '', 'base64url').toString());
    expect(claims).toMatchObject({ sub: 'alice', aud: stack.mcp('review') });
    expect(statSync(join(stack.home, 'issuer.key.json')).mode & 0o777).toBe(0o600);
  });

  test('get shows servers, surfaces, policies and nodes', async () => {
    for (const [what, word] of [
      ['servers', 'everything'],
      ['surfaces', 'review'],
      ['policies', 'example'],
      ['nodes', 'ext-proc'],
    ] as const) {
      const table = await stack.cli('get', what);
      expect(table).toMatchObject({ status: 0, stderr: '' });
      expect(table.stdout, what).toContain(word);
      const json = await stack.cli('get', what, '-o', 'json');
      expect(JSON.stringify(JSON.parse(json.stdout)), what).toContain(word);
    }
  });

  test('a bad file is refused whole: all problems, with line and path', async () => {
    const file = join(stack.home, 'bad.yaml');
    writeFileSync(
      file,
      [
        'kind: Server',
        'name: Bad_Name',
        'versions:',
        '  - version: "1"',
        '    endpoints: [{ url: "ftp://x" }]',
        '---',
        'kind: Surface',
        'name: fine',
        'servers: [{ server: nobody }]',
        '---',
        'kind: Policy',
        'name: p',
        'version: tbac/v1',
        'rules:',
        '  - { id: a, effect: maybe, tools: ["*"], when: [true] }',
      ].join('\n'),
    );
    const result = await stack.cli('apply', '-f', file);
    expect(result.status).toBe(1);
    for (const [line, path] of [
      [2, 'name'],
      [5, 'versions[0].endpoints[0].url'],
      [9, 'servers[0].server'],
      [15, 'rules[0].effect'],
      [15, 'rules[0].when'],
    ] as const) {
      expect(result.stderr).toContain(`bad.yaml:${line}: ${path}`);
    }
    expect((await stack.api('GET', '/v1/surfaces/fine')).status).toBe(404);
  });

  test('a second one on the same home is refused in one sentence', async () => {
    const result = await runCli(['up'], stack.env);
    expect(result.status).not.toBe(0);
    expect(result.stderr).toContain('already running');
  });

  test('a taken port is named with the setting that changes it', async () => {
    const home = mkdtempSync(join(tmpdir(), 'chy-'));
    const result = await runCli(['up'], { ...stack.env, CHANCERY_HOME: home });
    expect(result.status).not.toBe(0);
    for (const [port, setting] of [
      [stack.ports.gateway, 'CHANCERY_PORT'],
      [stack.ports.api, 'CHANCERY_API_PORT'],
      [stack.ports.ads, 'CHANCERY_ADS_PORT'],
    ] as const) {
      expect(result.stderr).toMatch(new RegExp(`${port}.*${setting}`));
    }
    rmSync(home, { recursive: true });
  });

  test('kill -9 of the supervisor leaves nothing running, and the next start works in the old sessions', async () => {
    const token = await stack.token();
    const session = await openSession(stack.mcp(), token);
    const pids = tree(stack.process.pid ?? 0);
    expect(pids.length).toBeGreaterThan(7);
    await stack.kill9();
    await until(
      'every process has ended',
      () => pids.filter(alive),
      (left) => left.length === 0,
    );
    stack = await startStack({ home: stack.home, ports: stack.ports });
    expect((await raw(stack.mcp(), { token, session, body: request(1, 'ping') })).status).toBe(200);
  });

  test('a stop leaves no process, no socket and no port', async () => {
    const pids = tree(stack.process.pid ?? 0);
    expect(await stack.stop()).toBe(0);
    // The reaper sees that there is nothing left to reap, a moment later.
    await until(
      'every process has ended',
      () => pids.filter(alive),
      (left) => left.length === 0,
    );
    const run = join(stack.home, 'run');
    expect(existsSync(run) ? readdirSync(run).filter((name) => name.endsWith('.sock')) : []).toEqual([]);
    for (const port of Object.values(stack.ports)) expect(await reachable(port)).toBe(false);
  });
});

describe('a start that cannot be', () => {
  let home = '';
  let env: Record<string, string> = {};
  const prepare = async (): Promise<void> => {
    home = mkdtempSync(join(tmpdir(), 'chy-'));
    const ports = await freeStackPorts();
    env = {
      PATH: process.env.PATH ?? '',
      HOME: home,
      CHANCERY_HOME: home,
      CHANCERY_PORT: String(ports.gateway),
      CHANCERY_API_PORT: String(ports.api),
      CHANCERY_ADS_PORT: String(ports.ads),
    };
  };
  afterEach(() => rmSync(home, { recursive: true, force: true }));

  test('with an unreadable database says so in one sentence', async () => {
    await prepare();
    writeFileSync(join(home, 'registry.db'), 'this is no database, and long enough to be read as one'.repeat(100), {
      mode: 0o600,
    });
    const result = await runCli(['up'], env);
    expect(result.status).not.toBe(0);
    expect(result.stderr).toContain('registry.db');
    expect(result.stderr).not.toMatch(/\n\s+at /);
  });

  test('with another version of Envoy says which was found and which is wanted', async () => {
    await prepare();
    const envoy = join(home, 'envoy');
    writeFileSync(
      envoy,
      '#!/bin/sh\necho "envoy  version: 0123456789abcdef0123456789abcdef01234567/1.20.1/Clean/RELEASE/BoringSSL"\n',
    );
    chmodSync(envoy, 0o755);
    const result = await runCli(['up'], { ...env, ENVOY_BIN: envoy });
    expect(result.status).not.toBe(0);
    expect(result.stderr).toContain('1.20.1');
    expect(result.stderr).toContain('1.40.0');
  });

  test('with a setting that is none names it', async () => {
    await prepare();
    const result = await runCli(['up'], { ...env, CHANCERY_PORT: 'http' });
    expect(result.status).not.toBe(0);
    expect(result.stderr).toContain('CHANCERY_PORT');
  });

  test('on a port that another program has names the setting', async () => {
    await prepare();
    const other = createServer();
    const port = await new Promise<number>((resolve) =>
      other.listen(0, '127.0.0.1', () => resolve((other.address() as { port: number }).port)),
    );
    const result = await runCli(['up'], { ...env, CHANCERY_PORT: String(port) });
    other.close();
    expect(result.status).not.toBe(0);
    expect(result.stderr).toMatch(new RegExp(`${port}.*CHANCERY_PORT`));
  });
});
