// Decides what Envoy's runtime is told beside the guards of the bootstrap.
import type { RuntimeDocument } from '../../../core/catalog/document.ts';
import { RUNTIME_LAYER } from '../../../core/contract.ts';
import type { EnvoyJson } from './types.ts';

/** There in any case, since Envoy waits for it at its start. Of two documents the later one in the order of names wins. */
export function runtimeLayer(documents: Iterable<RuntimeDocument>): EnvoyJson {
  return { name: RUNTIME_LAYER, layer: Object.assign({}, ...[...documents].map(({ values }) => values)) as object };
}
