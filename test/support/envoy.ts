// Decides which Envoy the tests run: the one that the product runs.

import { ROOT_DIR } from '../../core/runtime/process.ts';
import { envoyBinary } from '../../envoy/binary.ts';

/** @throws Error with the sentence that says how to get it. */
export function envoyForTests(): string {
  const found = envoyBinary({ envoyBin: process.env.ENVOY_BIN ?? '' }, ROOT_DIR);
  if ('problem' in found) throw new Error(found.problem);
  return found.path;
}
