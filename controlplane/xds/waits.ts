// Decides when somebody who waits for a group's acknowledgements is told, and what.
import type { Standing } from './stream.ts';

/** `nobody`: no node of the group is connected that subscribes to what is waited for. */
export type AckOutcome = 'acked' | 'nacked' | 'deadline' | 'nobody';

interface Wait<Node> {
  /** Where the nodes stand that subscribe to it. */
  readonly standings: Map<Node, Standing>;
  readonly standing: (node: Node) => Standing;
  readonly group: string;
  readonly resolve: (outcome: AckOutcome) => void;
  pending: number;
}

export class Waits<Node extends { readonly group: string }> {
  readonly #waits = new Set<Wait<Node>>();

  /** @param nodes all of the group. */
  add(
    group: string,
    nodes: Iterable<Node>,
    standing: (node: Node) => Standing,
    deadlineMs: number,
  ): Promise<AckOutcome> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => wait.resolve('deadline'), deadlineMs);
      const wait: Wait<Node> = {
        standings: new Map(),
        standing,
        group,
        pending: 0,
        resolve: (outcome) => {
          clearTimeout(timer);
          this.#waits.delete(wait);
          resolve(outcome);
        },
      };
      this.#waits.add(wait);
      this.#lookAt(wait, nodes);
    });
  }

  /** Something about this node changed: only it is looked at. */
  changed(node: Node): void {
    for (const wait of this.#waits) {
      if (wait.group === node.group || wait.standings.has(node)) this.#lookAt(wait, [node]);
    }
  }

  /** The group has another snapshot. */
  replaced(group: string, nodes: Iterable<Node>): void {
    const all = [...nodes];
    for (const wait of this.#waits) {
      if (wait.group === group) this.#lookAt(wait, all);
    }
  }

  close(): void {
    for (const wait of this.#waits) wait.resolve('nobody');
  }

  #lookAt(wait: Wait<Node>, nodes: Iterable<Node>): void {
    for (const node of nodes) {
      const standing = node.group === wait.group ? wait.standing(node) : 'none';
      if (wait.standings.get(node) === 'pending') wait.pending -= 1;
      if (standing === 'pending') wait.pending += 1;
      if (standing === 'none') wait.standings.delete(node);
      else wait.standings.set(node, standing);
      if (standing === 'nacked') return wait.resolve('nacked');
    }
    if (wait.pending > 0) return;
    wait.resolve(wait.standings.size === 0 ? 'nobody' : 'acked');
  }
}
