// Decides how many changes of tools wait.
import type { RegistrySnapshot } from '../registry/types.ts';

/** By server; those of which none waits are left out. */
export function waitingChanges({ pins }: Pick<RegistrySnapshot, 'pins'>): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { changes } of pins.values()) {
    for (const { server, state } of changes.values())
      if (state === 'pending') counts.set(server, (counts.get(server) ?? 0) + 1);
  }
  return counts;
}
