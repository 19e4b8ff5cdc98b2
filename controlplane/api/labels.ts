// Decides which documents a label filter chooses.
import { z } from 'zod';

interface LabelTest {
  readonly key: string;
  readonly is: 'equal' | 'different' | 'there';
  readonly value: string;
}

const TERM = /^([a-z0-9][a-z0-9./-]*)(?:(!=|=)(.*))?$/su;

/**
 * `team=core,env!=prod,tier`: equal, not equal (or absent), present; all must hold. A value with a comma cannot be asked
 * for. @returns a sentence when it is not of that form.
 */
function parseLabels(text: string): readonly LabelTest[] | string {
  const tests: LabelTest[] = [];
  for (const term of text.split(',')) {
    const found = TERM.exec(term.trim());
    if (found === null)
      return `wanted KEY=VALUE, KEY!=VALUE or KEY with commas between, found ${JSON.stringify(term.slice(0, 128))}`;
    const [, key = '', sign, value = ''] = found;
    tests.push({ key, is: sign === undefined ? 'there' : sign === '=' ? 'equal' : 'different', value });
  }
  return tests;
}

function holds(labels: Readonly<Record<string, string>>, { key, is, value }: LabelTest): boolean {
  const found = Object.hasOwn(labels, key) ? labels[key] : undefined;
  if (is === 'there') return found !== undefined;
  return (found === value) === (is === 'equal');
}

export type LabelFilter = (labels: Readonly<Record<string, string>>) => boolean;

/** The parameter `label` of a list, which may be repeated. */
export const labelParameter = z
  .union([z.string().max(4096), z.array(z.string().max(4096)).max(64)])
  .default([])
  .transform((given, context): LabelFilter => {
    const tests: LabelTest[] = [];
    for (const text of [given].flat()) {
      const parsed = parseLabels(text);
      if (typeof parsed === 'string') context.addIssue({ code: 'custom', message: parsed });
      else tests.push(...parsed);
    }
    return (labels) => tests.every((test) => holds(labels, test));
  })
  .describe('Label filter: `team=core,env!=prod,tier`. May be repeated; everything must hold.');
