import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { policyProblems } from '../core/catalog/check-policy.ts';
import { type PolicyDocument, parseDocument, policyOf } from '../core/catalog/document.ts';
import { selfTest } from '../core/catalog/policy-tests.ts';
import type { PolicyTest } from '../core/policy/types.ts';

const ROOT = join(import.meta.dirname, '..');
const EXAMPLES = join(ROOT, 'examples', 'policies');
const FILES = readdirSync(EXAMPLES).sort();
const GUIDE = readFileSync(join(ROOT, 'docs', 'policy.md'), 'utf8');
const BLOCKS = [...GUIDE.matchAll(/^```yaml\n([\s\S]*?)^```/gm)].map(([, text = '']) => text);

/** How many tests it ran. */
function check(text: string): number {
  let ran = 0;
  for (const document of parseAllDocuments(text)) {
    expect(document.errors).toEqual([]);
    const parsed = parseDocument(document.toJS());
    if ('problems' in parsed) throw new Error(JSON.stringify(parsed.problems));
    if (parsed.document.kind !== 'Policy') continue;
    const policy = policyOf(parsed.document as PolicyDocument);
    const tests = (parsed.document.tests ?? []) as readonly PolicyTest[];
    expect(policyProblems(policy)).toEqual([]);
    expect(selfTest(policy, tests)).toEqual([]);
    ran += tests.length;
  }
  return ran;
}

test.each(FILES)('examples/policies/%s is a policy that passes its own tests', (file) => {
  expect(check(readFileSync(join(EXAMPLES, file), 'utf8'))).toBeGreaterThan(0);
});

test.each(BLOCKS.map((text, index) => [index + 1, text] as const))(
  'block %i of docs/policy.md is a document that passes its own tests',
  (_, text) => {
    check(text);
  },
);

test('docs/policy.md leads to every example, and to no other', () => {
  const linked = [...GUIDE.matchAll(/\(\.\.\/examples\/policies\/([^)]+)\)/g)].map(([, file]) => file);
  expect(linked.sort()).toEqual(FILES);
  expect(FILES).toHaveLength(20);
});
