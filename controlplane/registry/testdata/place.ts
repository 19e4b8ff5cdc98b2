// Decides where the tests of the registry keep one, under which clock, and that it is closed and gone after each.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import type { Registry, RegistryOptions } from '../registry.ts';
import { openTest } from './open.ts';

export interface Place {
  /** Fresh for each test. */
  folder: string;
  path: string;
  /** What the clock of the registries says; a test sets it. */
  nowMs: number;
  /** Opens the registry, once more if it is open already. */
  open(options?: Partial<RegistryOptions>): Promise<Registry>;
}

export function usePlace(startMs = 1_000): Place {
  const opened: Registry[] = [];
  const place: Place = {
    folder: '',
    path: '',
    nowMs: startMs,
    async open(options = {}) {
      const registry = await openTest(place.path, { now: () => place.nowMs, ...options });
      opened.push(registry);
      return registry;
    },
  };
  beforeEach(() => {
    place.folder = mkdtempSync(join(tmpdir(), 'chancery-registry-'));
    place.path = join(place.folder, 'registry.db');
    place.nowMs = startMs;
  });
  afterEach(async () => {
    // Some are closed by their test.
    for (const registry of opened.splice(0)) await registry.close().catch(() => {});
    rmSync(place.folder, { recursive: true, force: true });
  });
  return place;
}
