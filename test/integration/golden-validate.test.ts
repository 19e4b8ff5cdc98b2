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
import { type Certified, createAuthority } from '../support/certificates.ts';
import { envoyForTests } from '../support/envoy.ts';
import { goldenCases, translateCase } from '../support/golden-cases.ts';
import { staticBootstrap } from '../support/static-bootstrap.ts';

const DEADLINE_MS = 30_000;
/** Envoy would fetch a token already, and when it validates it has no clusters to fetch it with. */
const NO_CLUSTERS_YET = /^.*asyncGetAccessToken: OAuth cluster not found.*$/gm;
let folder: string;
let api: EnvoyApi;
let certified: Certified;
beforeAll(async () => {
  certified = await (await createAuthority()).certify([]);
  folder = mkdtempSync(join(tmpdir(), 'chy-golden-'));
  api = openEnvoyApi(envoyForTests(), folder);
  // Envoy reads it, and any authority will do.
  writeFileSync(join(folder, 'ca.pem'), rootCertificates[0]!);
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Goldens have words where Envoy wants a certificate and a key that fit each other. */
function withRealPems(json: string): string {
  const pem = (what: string, words: string) => `-----BEGIN ${what}-----\\n${words}\\n-----END ${what}-----\\n`;
  const inJson = (bytes: Buffer) => JSON.stringify(bytes.toString()).slice(1, -1);
  return json
    .replaceAll(pem('CERTIFICATE', 'not a real certificate'), inJson(certified.cert))
    .replaceAll(pem('PRIVATE KEY', 'not a real key'), inJson(certified.key));
}

test.each(goldenCases())('$name, as $group', ({ name, group }) => {
  const { groups, secretVersions } = translateCase(name, {
    caFile: join(folder, 'ca.pem'),
    runDir: folder,
    accessLog: join(folder, 'access.log'),
  });
  const { resources } = groups.get(group)!;

  const built = buildEnvoySnapshot(api, resources, { secretVersions });
  expect('problems' in built ? built.problems : checkSnapshot(built.snapshot, [CLUSTERS.ads])).toEqual([]);

  const path = join(folder, `${name}.${group}.json`);
  writeFileSync(path, withRealPems(JSON.stringify(staticBootstrap(resources, folder))));
  const { status, stderr, stdout } = spawnSync(envoyForTests(), ['--mode', 'validate', '-c', path, '-l', 'warn'], {
    encoding: 'utf8',
    env: {},
    timeout: DEADLINE_MS,
  });
  expect(`${stdout}${stderr}`.replaceAll(NO_CLUSTERS_YET, '')).not.toMatch(/\[error\]|\[critical\]|deprecated/i);
  expect({ status, stdout: stdout.trim() }).toEqual({ status: 0, stdout: `configuration '${path}' OK` });
});
