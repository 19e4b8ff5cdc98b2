// Decides which resources of one type a client refuses just now.
import { LIMITS } from '../../core/limits.ts';

/** A refused response, in the client's words. */
export interface Nack {
  /** The type's version that was refused. */
  readonly version: string;
  readonly message: string;
  readonly resources: readonly string[];
  readonly atMs: number;
}

interface Held extends Nack {
  /** The message names none of the response's resources: any of them may be the one. */
  readonly guess: boolean;
}

/**
 * A refusal is of a whole response, but a client takes what is good in it: Envoy and our services name what they refuse
 * ("Error adding/updating listener(s) bad: …"). So the names in the message are the refused ones; without any, all are.
 */
export class Nacks {
  #held: readonly Held[] = [];

  refuse(version: string, names: readonly string[], message: string, atMs: number): Nack {
    const words = message.slice(0, LIMITS.xdsRefusalCharsMax);
    const named = names.filter((name) => mentions(words, name));
    const nack: Held = {
      version,
      message: words,
      resources: named.length > 0 ? named : names,
      atMs,
      guess: named.length === 0,
    };
    this.#held = [...this.#without(new Set(names)), nack];
    return plain(nack);
  }

  /** It refused this on an earlier stream, and it is still what would be sent. */
  recall(version: string, name: string, message: string, atMs: number): void {
    this.#held = [...this.#held, { version, message, resources: [name], atMs, guess: false }];
  }

  /** A later response with these was accepted, or the client wants them no more. */
  accept(names: readonly string[]): void {
    if (this.#held.length > 0) this.#held = this.#without(new Set(names));
  }

  latest(): Nack | null {
    const held = this.#held.at(-1);
    return held === undefined ? null : plain(held);
  }

  /** Whether one of these is refused. */
  any(names: ReadonlySet<string>): boolean {
    return this.#held.some(({ resources }) => resources.some((name) => names.has(name)));
  }

  #without(names: ReadonlySet<string>): readonly Held[] {
    return this.#held.flatMap((nack) => {
      const resources = nack.resources.filter((name) => !names.has(name));
      if (resources.length === nack.resources.length) return [nack];
      return nack.guess || resources.length === 0 ? [] : [{ ...nack, resources }];
    });
  }
}

function plain({ version, message, resources, atMs }: Held): Nack {
  return { version, message, resources, atMs };
}

function mentions(message: string, name: string): boolean {
  const inside = /[\w-]/;
  for (let at = message.indexOf(name); at >= 0; at = message.indexOf(name, at + 1)) {
    const before = message[at - 1] ?? ' ';
    const after = message.slice(at + name.length, at + name.length + 2);
    // A dot ends a sentence as often as it stands in a name.
    if (!inside.test(before) && before !== '.' && !inside.test(after[0] ?? ' ') && !/^\.\w/.test(after)) return true;
  }
  return false;
}
