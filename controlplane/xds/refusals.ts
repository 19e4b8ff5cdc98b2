// Decides what is remembered of a node's refusals after its stream ended, so that it is not sent the same again.
import { LIMITS } from '../../core/limits.ts';
import type { SnapshotResource } from './snapshot.ts';

export interface Refused {
  readonly version: string;
  readonly message: string;
  readonly atMs: number;
  /** What it held before, and goes on with; null: nothing that is known. */
  readonly good: SnapshotResource | null;
}

/** The refusals of one node. */
export interface NodeRefusals {
  recall(typeUrl: string): ReadonlyMap<string, Refused>;
  remember(typeUrl: string, name: string, refused: Refused): void;
  forget(typeUrl: string, names: readonly string[]): void;
}

/** Of all nodes, bounded together: the oldest go first. */
export class Refusals {
  /** Node → type URL → name → what it refused. */
  readonly #nodes = new Map<string, Map<string, Map<string, Refused>>>();
  /** In the order of age. */
  readonly #all = new Map<string, () => void>();

  of(node: string): NodeRefusals {
    const key = (typeUrl: string, name: string): string => JSON.stringify([node, typeUrl, name]);
    const forget = (typeUrl: string, name: string): void => {
      const types = this.#nodes.get(node);
      const names = types?.get(typeUrl);
      if (types === undefined || names?.delete(name) !== true) return;
      this.#all.delete(key(typeUrl, name));
      if (names.size === 0) types.delete(typeUrl);
      if (types.size === 0) this.#nodes.delete(node);
    };
    return {
      recall: (typeUrl) => this.#nodes.get(node)?.get(typeUrl) ?? new Map(),
      remember: (typeUrl, name, refused) => {
        forget(typeUrl, name);
        const types = this.#nodes.get(node) ?? new Map<string, Map<string, Refused>>();
        const names = types.get(typeUrl) ?? new Map<string, Refused>();
        this.#nodes.set(node, types.set(typeUrl, names.set(name, refused)));
        this.#all.set(key(typeUrl, name), () => forget(typeUrl, name));
        const [oldest] = this.#all.values();
        if (this.#all.size > LIMITS.xdsRefusalsMax) oldest?.();
      },
      forget: (typeUrl, names) => {
        if (this.#nodes.get(node)?.has(typeUrl) === true) for (const name of names) forget(typeUrl, name);
      },
    };
  }
}

/** For a stream of a node that nothing is remembered of. */
export function noRefusals(): NodeRefusals {
  return new Refusals().of('');
}
