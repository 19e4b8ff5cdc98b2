import { describe, expect, test } from 'vitest';
import { ChanceryError, ERRORS, type ErrorCode } from './errors.ts';

const CODES = Object.keys(ERRORS) as ErrorCode[];

describe('a row', () => {
  test.each(CODES)('%s keeps to the numbers of HTTP and JSON-RPC', (code) => {
    const { http, rpc, message } = ERRORS[code];
    expect(http === 200 || (http >= 400 && http < 600)).toBe(true);
    expect(rpc >= -32768 && rpc <= -32000).toBe(true);
    expect(code).toMatch(/^[a-z]+(_[a-z]+)*$/);
    // Envoy writes it between quotation marks, through a formatter in which "%" is a command.
    expect(message).toMatch(/^[a-zA-Z0-9 .,;:/'()-]+$/);
    expect(message[0]).not.toMatch(/[.!]/);
  });

  test.each(CODES.filter((code) => ERRORS[code].http >= 500 || ERRORS[code].rpc === -32603))(
    '%s is a server’s fault, and blames no client',
    (code) => {
      expect([-32700, -32600, -32601, -32602]).not.toContain(ERRORS[code].rpc);
    },
  );
});

describe('an error', () => {
  test('says the public sentence, and what is added to it', () => {
    expect(new ChanceryError('unknown_surface').message).toBe('no such surface');
    const error = new ChanceryError('unknown_tool', { detail: 'x', reason: 'for the log', cause: 1 });
    expect(error.message).toBe('unknown tool: x');
    expect(error).toMatchObject({
      code: 'unknown_tool',
      detail: 'x',
      reason: 'for the log',
      cause: 1,
      http: 200,
      rpc: -32602,
      name: 'ChanceryError',
    });
  });

  test.each(CODES)('%s never says its reason', (code) => {
    expect(new ChanceryError(code, { reason: 'S3CRET' }).message).not.toContain('S3CRET');
  });
});
