import { join } from 'node:path';
import { expect, test } from 'vitest';
import { SOCKETS } from '../../core/contract.ts';
import { resolveSettings } from '../../core/runtime/settings.ts';
import { CONTROL_PLANE_MEMORY, partsOf } from './parts.ts';
import { placesOf } from './places.ts';
import { readRunFile } from './run-file.ts';

const ROOT = join(import.meta.dirname, '..', '..');

function parts(flags: Readonly<Record<string, string>> = {}) {
  const settings = resolveSettings({ config: '/dev/null', home: '/srv/x', ...flags }, {}, '/srv');
  const places = placesOf(settings, { uid: 1, tmpDir: '/tmp' });
  const file = readRunFile(join(ROOT, 'examples', 'quickstart.run.yaml'));
  if ('problem' in file) throw new Error(file.problem);
  const env = {
    PATH: '/bin',
    HOME: '/h',
    LANG: 'C',
    AWS_SECRET_ACCESS_KEY: 'x',
    npm_config_registry: 'y',
    CHANCERY_PORT: '1',
  };
  const specs = partsOf({
    settings,
    places,
    rootDir: '/r',
    nodePath: '/n/node',
    envoyPath: '/e/envoy',
    foreign: file.servers,
    env,
  });
  return new Map(specs.map((spec) => [spec.name, spec]));
}

test('an instance of the quickstart consists of these parts, in this order', () => {
  expect([...parts().keys()]).toEqual([
    'controlplane',
    'ext-proc',
    'ext-authz',
    'bridge',
    'envoy',
    'everything-0',
    'everything-1',
  ]);
});

test('of several ext-proc each has a name, a number and sockets of its own, and the other parts are there once', () => {
  const specs = parts({ instances: '3' });
  const names = ['ext-proc', 'ext-proc-2', 'ext-proc-3'];
  expect([...specs.keys()].slice(0, 6)).toEqual(['controlplane', ...names, 'ext-authz', 'bridge']);
  names.forEach((name, index) => {
    const spec = specs.get(name);
    expect(spec?.args).toEqual(['/r/ext-proc/main.ts']);
    expect(spec?.env.CHANCERY_INSTANCE).toBe(String(index + 1));
    const owned = ['ext-proc.sock', 'ext-proc-2.sock', 'ext-proc-3.sock', 'ext-authz.sock', 'bridge-a-1.sock'];
    expect(owned.filter((socket) => spec?.owns(socket))).toEqual([owned[index]]);
    expect(spec?.owns(`instance-${index + 1}.sock`)).toBe(true);
    expect(spec?.owns(`instance-${index + 2}.sock`)).toBe(false);
  });
});

test('Envoy stops first and the control plane last', () => {
  const specs = [...parts().values()].sort((one, other) => one.stopStage - other.stopStage);
  expect(specs[0]?.name).toBe('envoy');
  expect(specs.at(-1)?.name).toBe('controlplane');
  expect(specs.at(-2)?.stopStage).toBeLessThan(specs.at(-1)?.stopStage ?? 0);
});

test('only the control plane has to keep its memory small', () => {
  const specs = parts();
  const plane = specs.get('controlplane');
  expect(plane?.args).toEqual([...CONTROL_PLANE_MEMORY.flags, '/r/controlplane/main.ts']);
  expect(plane?.env).toMatchObject(CONTROL_PLANE_MEMORY.env);
  expect(specs.get('ext-proc')?.args).toEqual(['/r/ext-proc/main.ts']);
  expect(specs.get('ext-proc')?.env).not.toHaveProperty('MALLOC_ARENA_MAX');
});

test('our parts get the resolved settings and a minimal environment, nothing of what else surrounds the supervisor', () => {
  const env = parts({ port: '12345' }).get('ext-proc')?.env ?? {};
  expect(env).toMatchObject({
    HOME: '/h',
    CHANCERY_PORT: '12345',
    CHANCERY_RUN_DIR: '/srv/x/run',
    CHANCERY_LIFELINE: 'stdin',
  });
  expect(env.PATH).toBe('/r/node_modules/.bin:/bin');
  const names = Object.keys(env).filter((name) => !name.startsWith('CHANCERY_'));
  expect(names.sort()).toEqual(['ENVOY_BIN', 'HOME', 'LANG', 'NODE_COMPILE_CACHE', 'PATH']);
});

test('a foreign server gets PATH, HOME, LANG and what its example states, with the path of its socket', () => {
  const spec = parts().get('everything-1');
  expect(Object.keys(spec?.env ?? {}).sort()).toEqual(['HOME', 'LANG', 'PATH', 'PORT']);
  expect(spec?.env.PORT).toBe('/srv/x/run/everything-1.sock');
  expect(spec?.command).toBe('/n/node');
  expect(spec?.umask).toBe(0o177);
});

test('Envoy gets no setting of ours in its environment, waits for its bootstrap, and runs as many workers as are set', () => {
  const spec = parts({ 'envoy-concurrency': '2' }).get('envoy');
  expect(Object.keys(spec?.env ?? {}).sort()).toEqual(['HOME', 'LANG', 'PATH']);
  expect(spec?.needsFile).toBe('/srv/x/run/envoy-bootstrap.json');
  expect(spec?.args.join(' ')).toContain('-c /srv/x/run/envoy-bootstrap.json --disable-hot-restart');
  expect(spec?.args.join(' ')).toContain('--concurrency 2');
  expect(parts().get('envoy')?.args).not.toContain('--concurrency');
});

test('every socket of the run folder belongs to exactly one part', () => {
  const names = [...Object.values(SOCKETS), 'bridge-memory-1.2.3.sock', 'everything-0.sock', 'everything-1.sock'];
  for (const name of names) {
    expect(
      [...parts().values()].filter((spec) => spec.owns(name)),
      name,
    ).toHaveLength(1);
  }
  expect([...parts().values()].filter((spec) => spec.owns('other.sock'))).toEqual([]);
});
