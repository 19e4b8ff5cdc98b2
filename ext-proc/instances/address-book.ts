// Decides which other ext-proc are known, and where.
import type { Instance } from '../../core/catalog/catalog.ts';
import { LIMITS } from '../../core/limits.ts';

export interface AddressBook {
  /** Null: nobody of that name is known (any more). */
  find(name: string): Instance | null;
  /** Those that the control plane names now, without ourselves. */
  others(): readonly Instance[];
  /** What the control plane names from now on. */
  update(pushed: ReadonlyMap<string, Instance>): void;
}

export interface AddressBookOptions {
  /** Our own name. */
  readonly self: string;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/**
 * One that is not named any more may only have lost the control plane, or the control plane was started again: it is still
 * looked for where it was, as long as a call may have waited in it.
 */
export function createAddressBook({ self, now }: AddressBookOptions): AddressBook {
  let named: ReadonlyMap<string, Instance> = new Map();
  const gone = new Map<string, { readonly instance: Instance; readonly untilMs: number }>();
  return {
    find(name) {
      if (name === self) return null;
      const known = named.get(name);
      if (known !== undefined) return known;
      const left = gone.get(name);
      return left === undefined || left.untilMs <= now() ? null : left.instance;
    },
    others: () => [...named.values()].filter(({ name }) => name !== self),
    update(pushed) {
      for (const [name, instance] of named) {
        if (!pushed.has(name)) gone.set(name, { instance, untilMs: now() + LIMITS.instanceGoneMs });
      }
      named = pushed;
      for (const [name, { untilMs }] of gone) {
        if (named.has(name) || untilMs <= now() || gone.size > LIMITS.instancesMax) gone.delete(name);
      }
    },
  };
}
