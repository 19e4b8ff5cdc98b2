// Decides how a set of named, versioned resources is summed up in one short text, whatever the order they came in.
import { hash } from 'node:crypto';

const BYTES = 32;

/**
 * The exclusive or of the SHA-256 of each member: adding and taking away cost one hash each, so that ten thousand
 * resources need not be listed to say that one changed. It tells an incomplete set from a complete one; it is no
 * protection against somebody who makes resources to fit.
 */
export class SetDigest {
  readonly #sum = Buffer.alloc(BYTES);

  /** Adds what is not in it, takes away what is. */
  toggle(kind: string, name: string, version: string): void {
    const one = hash('sha256', `${kind}/${name}\n${version}`, 'buffer');
    for (let index = 0; index < BYTES; index += 1) this.#sum[index] = this.#sum[index]! ^ one[index]!;
  }

  /** Takes in, or takes out again, all that another digest sums up, given as its text. */
  merge(text: string): void {
    const other = Buffer.from(text, 'hex');
    for (let index = 0; index < BYTES; index += 1) this.#sum[index] = this.#sum[index]! ^ other[index]!;
  }

  /** 64 hexadecimal digits. */
  text(): string {
    return this.#sum.toString('hex');
  }
}
