// Decides whether a text is a pattern that we run, in linear time, and what one match of it may cost.
import { RE2JS } from 're2js';
import { LIMITS } from '../../limits.ts';

export interface Pattern {
  /** True when it matches somewhere in the text. */
  test(text: string): boolean;
  /** Steps for each character. */
  readonly steps: number;
}

/** A string says what is wrong. RE2's syntax, as CEL has it: no backreferences, nothing that looks around. */
export function compilePattern(source: string): Pattern | string {
  if (source.length > LIMITS.patternCharsMax) return `the pattern has more than ${LIMITS.patternCharsMax} characters`;
  try {
    const compiled = RE2JS.compile(source);
    const instructions = compiled.programSize();
    if (instructions > LIMITS.patternInstructionsMax) return 'the pattern repeats too much';
    // At its worst, an engine of this kind looks at each instruction for each character.
    return { test: (text) => compiled.test(text), steps: (8 + instructions / 8) / 16 };
  } catch (error) {
    return `the pattern does not compile: ${error instanceof Error ? error.message : 'it is not one'}`;
  }
}
