// Decides how the xDS bench runs a real control plane: a home folder of its own, its REST API, its ADS socket.
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CONTROL_PLANE_MEMORY } from '../../cli/up/parts.ts';
import { SOCKETS } from '../../core/contract.ts';
import { BOUNDS } from '../bounds.ts';
import type { Child, Children } from '../children.ts';
import { until, within } from '../deadline.ts';
import { LOOPBACK } from '../load-order.ts';
import { freePorts } from '../ports.ts';

export interface ControlPlaneInput {
  readonly children: Children;
  readonly rootDir: string;
  readonly nodePath: string;
  readonly envoyPath: string;
  readonly home: string;
  readonly env: Readonly<Record<string, string>>;
}

export interface ControlPlane {
  readonly adsSocket: string;
  /** From the start of the process to its first answer. */
  readonly startMs: number;
  /** @throws when the answer is not 2xx. @returns its JSON. */
  ask(method: string, path: string, body?: object): Promise<unknown>;
  /** Megabytes that are resident now, and at most until now; null where the system does not say. */
  memory(): { readonly nowMb: number; readonly peakMb: number } | null;
  stop(): Promise<void>;
}

/** Every server that is registered answers, as if Envoy had led there. */
export async function startEgress({ children, nodePath, home, env }: ControlPlaneInput): Promise<void> {
  const child = children.start({
    name: 'the servers',
    command: nodePath,
    args: [join(import.meta.dirname, '..', 'backend.ts'), join(runDirOf(home), SOCKETS.egress)],
    env,
    messages: true,
  });
  const listens = new Promise<void>((resolve) => void child.onMessage(() => resolve()));
  await within('the servers listen', BOUNDS.childReadyDeadlineMs, Promise.race([listens, child.ended]));
}

/** Made when it is missing. */
function runDirOf(home: string): string {
  const path = join(home, 'run');
  mkdirSync(path, { recursive: true, mode: 0o700 });
  return path;
}

export async function startControlPlane(input: ControlPlaneInput): Promise<ControlPlane> {
  const { children, rootDir, nodePath, envoyPath, home, env } = input;
  const [apiPort = 0, adsPort = 0, port = 0] = await freePorts(3);
  const runDir = runDirOf(home);
  mkdirSync(join(home, 'logs'), { recursive: true, mode: 0o700 });
  const startedMs = performance.now();
  const child: Child = children.start({
    name: 'the control plane',
    command: nodePath,
    args: [...CONTROL_PLANE_MEMORY.flags, join(rootDir, 'controlplane', 'main.ts')],
    env: {
      ...env,
      ...CONTROL_PLANE_MEMORY.env,
      CHANCERY_HOME: home,
      CHANCERY_RUN_DIR: runDir,
      CHANCERY_CONFIG: '/dev/null',
      CHANCERY_PORT: String(port),
      CHANCERY_API_PORT: String(apiPort),
      CHANCERY_ADS_PORT: String(adsPort),
      CHANCERY_LOG_LEVEL: 'error',
      ENVOY_BIN: envoyPath,
    },
    stopGraceMs: BOUNDS.stackStopGraceMs,
  });
  const answers = async (): Promise<string | null> => {
    try {
      const response = await fetch(`http://${LOOPBACK}:${apiPort}/healthz`);
      await response.arrayBuffer();
      return existsSync(join(runDir, SOCKETS.ads)) ? null : 'ADS does not listen';
    } catch (error) {
      return String(error);
    }
  };
  const ready = until('the control plane answers', BOUNDS.stackReadyDeadlineMs, answers);
  await within('the control plane starts', BOUNDS.stackReadyDeadlineMs, Promise.race([ready, child.ended]));
  const startMs = performance.now() - startedMs;
  const token = readFileSync(join(home, 'operator.token'), 'utf8').trim();
  return {
    adsSocket: join(runDir, SOCKETS.ads),
    startMs,
    async ask(method, path, body) {
      const response = await fetch(`http://${LOOPBACK}:${apiPort}${path}`, {
        method,
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        signal: AbortSignal.timeout(BOUNDS.applyDeadlineMs),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      if (response.ok) return response.json();
      const text = (await response.text()).slice(0, BOUNDS.failureCharsMax);
      throw new Error(`${method} ${path}: found status ${response.status}, wanted 2xx: ${text}`);
    },
    memory: () => memoryOf(child.pid),
    async stop() {
      process.kill(child.pid, 'SIGTERM');
      await within(
        'the control plane stops',
        BOUNDS.stackStopGraceMs,
        child.ended.catch(() => {}),
      );
    },
  };
}

function memoryOf(pid: number): { readonly nowMb: number; readonly peakMb: number } | null {
  const path = `/proc/${pid}/status`;
  if (!existsSync(path)) return null;
  const text = readFileSync(path, 'utf8');
  const kb = (field: string): number => Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0);
  return { nowMb: Math.round(kb('VmRSS') / 1024), peakMb: Math.round(kb('VmHWM') / 1024) };
}
