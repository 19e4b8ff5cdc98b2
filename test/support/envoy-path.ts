// Decides which Envoy binary the tests run: the one that `npm start` would.
import { fileURLToPath } from 'node:url';
import { envoyBinary } from '../../envoy/binary.ts';

/** @throws with the sentence that says how to get one. Nothing is skipped for want of it. */
export function envoyPath(): string {
  const rootDir = fileURLToPath(new URL('../..', import.meta.url));
  const result = envoyBinary({ envoyBin: process.env.ENVOY_BIN ?? '' }, rootDir);
  if ('problem' in result) throw new Error(result.problem);
  return result.path;
}
