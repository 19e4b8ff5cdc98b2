// Decides how a server that is a process of its own is started and ended, and where it says that it listens.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

const START_DEADLINE_MS = 30_000;
const STOP_DEADLINE_MS = 5_000;
const OUTPUT_CHARS_SHOWN = 4_000;

export interface ProcessServer {
  readonly port: number;
  close(): Promise<void>;
}

/** It prints `{"port":N}` on a line of its own when it listens. @throws Error with what it said, when it does not. */
export async function startProcessServer(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<ProcessServer> {
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  const orphaned = (): void => void child.kill('SIGKILL');
  process.once('exit', orphaned);
  const exited = new Promise<void>((resolve) => child.once('close', () => resolve()));
  void exited.then(() => process.off('exit', orphaned));
  let output = '';
  child.stderr.on('data', (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-OUTPUT_CHARS_SHOWN);
  });
  const port = await new Promise<number>((resolve, reject) => {
    const fail = (why: string): void => reject(new Error(`${[command, ...args].join(' ')}: ${why}\n${output}`));
    const timer = setTimeout(() => fail(`does not listen after ${START_DEADLINE_MS} ms`), START_DEADLINE_MS);
    child.once('error', (error) => fail(error.message));
    void exited.then(() => fail('ended'));
    createInterface({ input: child.stdout }).on('line', (line) => {
      const found = /^\{"port": ?(\d+)\}$/.exec(line)?.[1];
      if (found === undefined) return;
      clearTimeout(timer);
      resolve(Number(found));
    });
  }).catch((error: unknown) => {
    child.kill('SIGKILL');
    throw error;
  });
  return {
    port,
    async close() {
      child.kill('SIGTERM');
      const timer = setTimeout(orphaned, STOP_DEADLINE_MS);
      await exited;
      clearTimeout(timer);
    },
  };
}
