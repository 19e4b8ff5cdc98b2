// Decides how setup runs another program: bounded, quiet while it works, its last words kept for a failure.
import { spawn } from 'node:child_process';

const OUTPUT_CHARS_MAX = 16 * 1024;
const STILL_WORKING_MS = 5_000;
const DEADLINE_MS = 15 * 60_000;

/** A step that cannot go on; the message says what is missing and how to get it. */
export class SetupError extends Error {
  name = 'SetupError';
}

/**
 * Resolves to `{ status, output }`, where status is null when the program does not exist; never rejects.
 * `still` is called with the seconds gone while the program works.
 */
export function runProgram(command, args, { cwd, env, still = () => {} }) {
  return new Promise((resolve) => {
    const startedMs = Date.now();
    let output = '';
    const keep = (text) => {
      output = (output + text).slice(-OUTPUT_CHARS_MAX);
    };
    const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    const beat = setInterval(() => still(Math.round((Date.now() - startedMs) / 1000)), STILL_WORKING_MS);
    const deadline = setTimeout(() => {
      keep(`\nended after ${DEADLINE_MS / 60_000} minutes`);
      child.kill('SIGKILL');
    }, DEADLINE_MS);
    const finish = (status) => {
      clearInterval(beat);
      clearTimeout(deadline);
      resolve({ status, output });
    };
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8');
      stream.on('data', keep);
    }
    child.on('error', (error) => {
      keep(error.message);
      finish(error.code === 'ENOENT' ? null : 127);
    });
    child.on('close', (code) => finish(code ?? 128));
  });
}

/** The last lines of a program's output, indented, for the end of an error message. */
export function lastLines(output, count = 12) {
  const lines = output.split('\n').filter((line) => line.trim() !== '');
  return lines
    .slice(-count)
    .map((line) => `\n    ${line.trimEnd()}`)
    .join('');
}
