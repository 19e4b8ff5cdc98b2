import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { policySchema } from '../core/catalog/documents/policy.ts';

const PATH = join(import.meta.dirname, '..', 'docs', 'tbac-v1.schema.json');

/** What an editor needs: as a person writes it, before defaults. */
function made(): string {
  const schema = z.toJSONSchema(policySchema, { io: 'input', unrepresentable: 'any', reused: 'ref' });
  return `${JSON.stringify({ ...schema, title: 'Chancery policy (tbac/v1)' }, null, 2)}\n`;
}

test('docs/tbac-v1.schema.json says what the source says; UPDATE_DOCS=1 rewrites it', () => {
  if (process.env.UPDATE_DOCS === '1') writeFileSync(PATH, made());
  expect(readFileSync(PATH, 'utf8')).toBe(made());
});

test('it takes a policy and refuses an unknown member', () => {
  const validate = new Ajv2020({ strict: false, validateFormats: false }).compile(JSON.parse(made()));
  const policy = { kind: 'Policy', name: 'p', version: 'tbac/v1', rules: [{ id: 'a', effect: 'allow', tools: ['*'] }] };
  expect(validate(policy)).toBe(true);
  expect(validate({ ...policy, modes: 'shadow' })).toBe(false);
});
