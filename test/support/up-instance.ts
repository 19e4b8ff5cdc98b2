// Decides how a test runs `up` with stand-in parts: the supervisor is the real one, in a process of its own.
import { fileURLToPath } from 'node:url';
import type { CliContext } from '../../cli/context.ts';
import { type PartSpec, type PartsInput, partsOf } from '../../cli/up/parts.ts';
import { run } from '../../cli/up/up.ts';
import { SOCKETS } from '../../core/contract.ts';
import { ROOT_DIR } from '../../core/runtime/process.ts';
import { resolveSettings } from '../../core/runtime/settings.ts';

const PART = fileURLToPath(new URL('up-part.ts', import.meta.url));

/** The real specifications with another program; `STAND_INS` names other roles, e.g. `{"ext-proc":"stubborn"}`. */
function standIns(input: PartsInput): readonly PartSpec[] {
  const other = JSON.parse(process.env.STAND_INS ?? '{}') as Record<string, string>;
  const words: Readonly<Record<string, readonly string[]>> = {
    controlplane: ['controlplane', String(input.settings.apiPort)],
    envoy: ['envoy', String(input.settings.port)],
    'ext-proc': ['quiet', SOCKETS.extProc],
    'ext-authz': ['quiet', SOCKETS.extAuthz],
    bridge: ['quiet', 'bridge-memory-1.sock'],
  };
  return partsOf(input).map((spec) => {
    const stand = other[spec.name] === undefined ? (words[spec.name] ?? []) : [other[spec.name] ?? ''];
    // Envoy's own environment names no folder; its stand-in needs one.
    const env = spec.name === 'envoy' ? { ...spec.env, CHANCERY_RUN_DIR: input.places.runDir } : spec.env;
    return { ...spec, env, command: process.execPath, args: [PART, ...stand] };
  });
}

const context: CliContext = {
  settings: resolveSettings({}, process.env, process.cwd()),
  rootDir: ROOT_DIR,
  cwd: process.cwd(),
  env: process.env,
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  nowMs: Date.now,
};
const token = async (_args: readonly string[], { out }: CliContext): Promise<number> => {
  out('a.b.c\n');
  return 0;
};
process.stdout.on('error', () => {});
process.stderr.on('error', () => {});
process.exit(await run(process.argv.slice(2), context, { apply: async () => 0, token, parts: standIns }));
