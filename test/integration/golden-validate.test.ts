// Decides that Envoy itself takes what translation makes of every golden case, and that no word in it is unknown to its API.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { checkSnapshot } from '../../controlplane/xds/check-snapshot.ts';
import { buildEnvoySnapshot } from '../../controlplane/xds/envoy-snapshot.ts';
import { CLUSTERS } from '../../core/contract.ts';
import { type EnvoyApi, openEnvoyApi } from '../../proto/envoy-api.ts';
import { envoyForTests } from '../support/envoy.ts';
import { goldenCases, translateCase } from '../support/golden-cases.ts';
import { staticBootstrap } from '../support/static-bootstrap.ts';

const DEADLINE_MS = 30_000;
let folder: string;
let api: EnvoyApi;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'chy-golden-'));
  api = openEnvoyApi(envoyForTests(), folder);
  // Envoy reads it, and any authority will do.
  writeFileSync(join(folder, 'ca.pem'), rootCertificates[0]!);
});
afterAll(() => rmSync(folder, { recursive: true }));

test.each(goldenCases())('%s', (name) => {
  const resources = translateCase(name, {
    caFile: join(folder, 'ca.pem'),
    runDir: folder,
    accessLog: join(folder, 'access.log'),
  });

  const built = buildEnvoySnapshot(api, resources);
  expect('problems' in built ? built.problems : checkSnapshot(built.snapshot, [CLUSTERS.ads])).toEqual([]);

  const path = join(folder, `${name}.json`);
  writeFileSync(path, JSON.stringify(staticBootstrap(resources)));
  const { status, stderr, stdout } = spawnSync(envoyForTests(), ['--mode', 'validate', '-c', path, '-l', 'warn'], {
    encoding: 'utf8',
    env: {},
    timeout: DEADLINE_MS,
  });
  expect(`${stdout}${stderr}`).not.toMatch(/\[error\]|\[critical\]|deprecated/i);
  expect({ status, stdout: stdout.trim() }).toEqual({ status: 0, stdout: `configuration '${path}' OK` });
});
