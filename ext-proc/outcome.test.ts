import { describe, expect, test } from 'vitest';
import { ERRORS, type ErrorCode } from '../core/errors.ts';
import { ACCEPTED, immediate, refuse } from './outcome.ts';

const answerOf = (outcome: ReturnType<typeof refuse>) => {
  if (outcome.kind !== 'immediate') throw new Error(outcome.kind);
  return outcome.answer;
};

describe('a refusal', () => {
  test.each(Object.keys(ERRORS) as ErrorCode[])('%s is a JSON-RPC error with the id as it came', (code) => {
    const { status, headers, body, details } = answerOf(refuse({ code, reason: 'for the log' }, '9007199254740993'));
    expect(status).toBe(ERRORS[code].http);
    expect(headers).toEqual([['content-type', 'application/json']]);
    expect(details).toBe(`chancery_${code}`);
    expect(body).toBe(
      `{"jsonrpc":"2.0","id":9007199254740993,"error":{"code":${ERRORS[code].rpc},"message":"${ERRORS[code].message}"}}`,
    );
  });

  test('without a known id has the id null', () => {
    expect(JSON.parse(String(answerOf(refuse({ code: 'internal' })).body))).toMatchObject({ id: null });
  });

  test('adds what is said of this case, whatever is in it', () => {
    const detail = '"}],\n\u2028\ud800<script>';
    expect(JSON.parse(String(answerOf(refuse({ code: 'unknown_tool', detail }, '"a"')).body))).toEqual({
      jsonrpc: '2.0',
      id: 'a',
      error: { code: -32602, message: `unknown tool: ${detail}` },
    });
  });

  test('may bring headers', () => {
    expect(answerOf(refuse({ code: 'unauthenticated', headers: [['www-authenticate', 'Bearer']] })).headers).toEqual([
      ['content-type', 'application/json'],
      ['www-authenticate', 'Bearer'],
    ]);
  });
});

test('an answer without a body has no type', () => {
  expect(ACCEPTED).toEqual({
    kind: 'immediate',
    answer: { status: 202, headers: [], body: '', details: 'chancery_accepted' },
  });
  expect(answerOf(immediate(200, '{}', 'd')).headers).toEqual([['content-type', 'application/json']]);
});
