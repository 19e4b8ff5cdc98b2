// Decides how the patterns of a schema are run: in linear time, and for so long.
import { RE2JS } from 're2js';
import { LIMITS } from '../limits.ts';

/** What one check has spent on patterns. */
export interface Work {
  patterns: number;
  /** Throws. */
  exceeded(): never;
}

interface Engine {
  (pattern: string, flags: string): { test(text: string): boolean };
  code: string;
}

/** For ajv's option `code.regExp`. Throws for what RE2 does not have: backreferences, and what looks around. */
export function patternEngine(work: Work): Engine {
  const make = (pattern: string): { test(text: string): boolean; toString(): string } => {
    const compiled = RE2JS.compile(RE2JS.translateRegExp(pattern));
    const instructions = compiled.programSize();
    if (instructions > LIMITS.patternInstructionsMax) throw new Error('a pattern repeats too much');
    return {
      // ajv knows patterns apart by what they are written as.
      toString: () => `/${pattern}/`,
      test: (text) => {
        work.patterns += text.length * instructions;
        if (work.patterns > LIMITS.schemaPatternWorkMax) work.exceeded();
        return compiled.test(text);
      },
    };
  };
  // Only written into code that ajv generates to be stored, which we do not.
  return Object.assign(make, { code: 'undefined' });
}
