// Decides what an expression of Traefik's policies says: calls of its functions, joined by && || ! and parentheses.

/** A place in the text of the expression, from 0. */
interface Placed {
  readonly at: number;
}
export interface Call extends Placed {
  readonly kind: 'call';
  readonly name: string;
  readonly args: readonly (Placed & { readonly text: string })[];
}
export type Expression =
  | Call
  | (Placed & { readonly kind: 'and' | 'or'; readonly of: readonly Expression[] })
  | (Placed & { readonly kind: 'not'; readonly of: Expression });

/** What cannot be read, or not be translated, and where. */
export class Untranslatable extends Error {
  readonly at: number;
  constructor(message: string, at: number) {
    super(message);
    this.at = at;
  }
}

const DEPTH_MAX = 100;
const TOKEN = /\s*(?:(&&|\|\||[!(),])|([A-Za-z][A-Za-z0-9]*)|`([^`]*)`|"((?:[^"\\\n]|\\["\\])*)")/y;

interface Token extends Placed {
  readonly kind: 'sign' | 'name' | 'text' | 'end';
  readonly text: string;
}

/** Throws `Untranslatable`. */
export function parseExpression(source: string): Expression {
  const reader = new Reader(source);
  const expression = reader.any(0);
  reader.end();
  return expression;
}

class Reader {
  readonly #source: string;
  #next: Token;

  constructor(source: string) {
    this.#source = source;
    this.#next = this.#read(0);
  }

  #read(from: number): Token {
    const rest = this.#source.slice(from);
    const at = from + rest.length - rest.trimStart().length;
    if (at >= this.#source.length) return { kind: 'end', text: 'the end', at };
    TOKEN.lastIndex = from;
    const match = TOKEN.exec(this.#source);
    if (match === null) throw new Untranslatable(`found ${JSON.stringify(this.#source.slice(at, at + 20))}`, at);
    this.#after = TOKEN.lastIndex;
    const [, sign, name, raw, quoted] = match;
    if (sign !== undefined) return { kind: 'sign', text: sign, at };
    if (name !== undefined) return { kind: 'name', text: name, at };
    return { kind: 'text', text: raw ?? quoted!.replace(/\\(.)/g, '$1'), at };
  }
  #after = 0;

  #take(): Token {
    const token = this.#next;
    this.#next = this.#read(this.#after);
    return token;
  }

  #is(sign: string): boolean {
    return this.#next.kind === 'sign' && this.#next.text === sign;
  }

  #wanted(what: string): Untranslatable {
    return new Untranslatable(`found ${JSON.stringify(this.#next.text)}, wanted ${what}`, this.#next.at);
  }

  #expect(sign: string): void {
    if (!this.#is(sign)) throw this.#wanted(JSON.stringify(sign));
    this.#take();
  }

  end(): void {
    if (this.#next.kind !== 'end') throw this.#wanted('&&, || or the end');
  }

  any(depth: number): Expression {
    return this.#joined('or', '||', () => this.#joined('and', '&&', () => this.#one(depth)));
  }

  #joined(kind: 'and' | 'or', sign: string, part: () => Expression): Expression {
    const { at } = this.#next;
    const of = [part()];
    while (this.#is(sign)) {
      this.#take();
      of.push(part());
    }
    return of.length === 1 ? of[0]! : { kind, of, at };
  }

  #one(depth: number): Expression {
    const { at } = this.#next;
    if (depth > DEPTH_MAX) throw new Untranslatable('it nests too deep', at);
    if (this.#is('!')) {
      this.#take();
      return { kind: 'not', of: this.#one(depth + 1), at };
    }
    if (this.#is('(')) {
      this.#take();
      const inner = this.any(depth + 1);
      this.#expect(')');
      return inner;
    }
    if (this.#next.kind !== 'name') throw this.#wanted('a function, ! or (');
    return this.#call(this.#take());
  }

  #call({ text: name, at }: Token): Call {
    this.#expect('(');
    const args: { text: string; at: number }[] = [];
    while (!this.#is(')')) {
      if (args.length > 0) this.#expect(',');
      if (this.#next.kind !== 'text') throw this.#wanted('a text in ` or "');
      const { text, at: place } = this.#take();
      args.push({ text, at: place });
    }
    this.#take();
    return { kind: 'call', name, args, at };
  }
}
