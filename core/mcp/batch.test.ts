import { describe, expect, test } from 'vitest';
import { LIMITS } from '../limits.ts';
import { parseBatch } from './batch.ts';

const many = (count: number) => JSON.stringify(Array.from({ length: count }, () => 1));

describe('a batch', () => {
  test.each([
    ['of one', '[{"a":1}]', ['{"a":1}']],
    ['with white space', ' [ 1 , [2] ]\n', ['1', '[2]']],
  ])('%s has its messages, byte for byte', (_, text, wanted) => {
    const body = Buffer.from(text);
    const batch = parseBatch(body, '');
    expect(batch.ok && batch.spans.map(({ start, end }) => body.toString('utf8', start, end))).toEqual(wanted);
  });

  test('as large as it may be', () => {
    expect(parseBatch(Buffer.from(many(LIMITS.batchMessagesMax)), '2025-03-26')).toMatchObject({ ok: true });
  });

  test.each([
    ['too large', many(LIMITS.batchMessagesMax + 1), '', 'invalid_request'],
    ['empty', '[]', '', 'invalid_request'],
    ['cut', '[1', '', 'parse_error'],
    ['with a key twice', '[{"a":1,"a":2}]', '', 'duplicate_key'],
    ['of a later version', '[1]', '2025-06-18', 'batch_unsupported'],
    ['of no version', '[1]', 'x', 'batch_unsupported'],
  ])('%s is none', (_, text, version, code) => {
    expect(parseBatch(Buffer.from(text), version)).toMatchObject({ ok: false, code });
  });
});
