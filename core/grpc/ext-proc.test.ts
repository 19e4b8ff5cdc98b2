import { describe, expect, test } from 'vitest';
import { readAnswer } from '../../test/support/ext-proc-answers.ts';
import { requestBody, requestHeaders, requestTrailers } from '../../test/support/ext-proc-requests.ts';
import { WireMessage } from '../../test/support/wire-message.ts';
import {
  decodeProcessingRequest,
  encodeHeadersOnly,
  encodeImmediate,
  encodeRelay,
  encodeStreamBody,
  encodeStreamHeaders,
  type Relay,
} from './ext-proc.ts';

describe('a request of Envoy', () => {
  test('headers; a repeated one is joined, an empty one is there, none is confused with a member of objects', () => {
    const request = decodeProcessingRequest(
      requestHeaders({
        headers: [
          [':method', 'POST'],
          ['authorization', 'Bearer a'],
          ['authorization', 'Bearer b'],
          ['__proto__', 'x'],
          ['empty', ''],
        ],
        metadata: { ns: { a: 'ä', __proto__: 'b' }, other: {} },
      }),
    );
    if (request.kind !== 'request_headers') throw new Error(request.kind);
    expect([...request.headers]).toEqual([
      [':method', 'POST'],
      ['authorization', 'Bearer a, Bearer b'],
      ['__proto__', 'x'],
      ['empty', ''],
    ]);
    expect(request.endOfStream).toBe(false);
    expect(request.metadata.get('ns')?.get('a')).toBe('ä');
    expect(request.metadata.get('absent')).toBeUndefined();
  });

  test('without a body', () => {
    expect(decodeProcessingRequest(requestHeaders({ headers: [], endOfStream: true }))).toEqual({
      kind: 'request_headers',
      headers: new Map(),
      endOfStream: true,
      metadata: new Map(),
    });
  });

  test('a chunk of a body is not copied', () => {
    const bytes = requestBody('abc', false);
    const request = decodeProcessingRequest(bytes);
    if (request.kind !== 'request_body') throw new Error(request.kind);
    expect(request.body.toString()).toBe('abc');
    expect(request.endOfStream).toBe(false);
    expect(request.body.buffer).toBe(bytes.buffer);
  });

  test('trailers, and what we have no word for', () => {
    expect(decodeProcessingRequest(requestTrailers())).toEqual({ kind: 'request_trailers' });
    expect(decodeProcessingRequest(Buffer.alloc(0))).toEqual({ kind: 'other' });
    expect(decodeProcessingRequest(new WireMessage().messageField(3, new WireMessage()).finish())).toEqual({
      kind: 'other',
    });
  });

  test('cut at any byte is malformed, or a message that was whole there; it is never read beyond its end', () => {
    const whole = requestHeaders({
      headers: [
        [':method', 'POST'],
        ['x', 'y'.repeat(200)],
      ],
      endOfStream: true,
      metadata: { ns: { a: 'b' } },
    });
    let malformed = 0;
    for (let length = 0; length < whole.length; length++) {
      // A view of the whole: a reader that forgets its end would find the rest.
      try {
        const request = decodeProcessingRequest(whole.subarray(0, length));
        expect(['other', 'request_headers']).toContain(request.kind);
      } catch (error) {
        expect((error as Error).message).toContain('malformed protobuf message');
        malformed++;
      }
    }
    expect(malformed).toBeGreaterThan(whole.length * 0.9);
  });

  test('with any one byte changed is read or malformed, and never anything else', () => {
    const whole = requestHeaders({ headers: [[':method', 'POST']], metadata: { ns: { a: 'b' } } });
    for (let at = 0; at < whole.length; at++) {
      for (const value of [0x00, 0x02, 0x0a, 0x7f, 0x80, 0xff]) {
        const changed = Buffer.from(whole);
        changed[at] = value;
        try {
          decodeProcessingRequest(changed);
        } catch (error) {
          expect((error as Error).message).toContain('malformed protobuf message');
        }
      }
    }
  });
});

describe('an answer to Envoy', () => {
  const relay = {
    setHeaders: [['a', '1']] as const,
    removeHeaders: ['b'],
    body: [Buffer.from('x'), Buffer.from('y')],
    metadata: { namespace: 'n', values: [['k', 'v']] as const },
  };

  test('a relay is headers, then the body in one piece', () => {
    expect(encodeRelay(relay, false).map(readAnswer)).toEqual([
      { kind: 'headers', set: { a: '1' }, remove: ['b'], clearRouteCache: true, metadata: { n: { k: 'v' } } },
      { kind: 'body', body: 'xy', endOfStream: true },
    ]);
  });

  test('a relay of a request with trailers ends with them', () => {
    expect(encodeRelay(relay, true).map(readAnswer).slice(1)).toEqual([
      { kind: 'body', body: 'xy', endOfStream: false },
      { kind: 'trailers' },
    ]);
  });

  test('headers only', () => {
    expect(readAnswer(encodeHeadersOnly([['a', '']], true))).toMatchObject({
      kind: 'headers',
      set: { a: '' },
      clearRouteCache: true,
    });
    expect(readAnswer(encodeHeadersOnly([], false))).toMatchObject({
      kind: 'headers',
      set: {},
      clearRouteCache: false,
    });
  });

  test('an answer of ours', () => {
    const answer = {
      status: 404,
      headers: [['content-type', 'application/json']] as const,
      body: 'ü',
      details: 'chancery_x',
    };
    expect(readAnswer(encodeImmediate(answer))).toEqual({
      kind: 'immediate',
      ...answer,
      headers: { 'content-type': 'application/json' },
    });
  });

  test.each([
    [
      'at once',
      (metadata: Relay['metadata']) => encodeImmediate({ status: 200, headers: [], body: '', details: 'x', metadata }),
    ],
    ['as a stream', (metadata: Relay['metadata']) => encodeStreamHeaders([[':status', '200']], metadata)],
  ])('what an answer %s leaves for the access log', (_, encode) => {
    const values = [
      ['server', 'memory'],
      ['tool', 'ä'],
    ] as const;
    expect(readAnswer(encode({ namespace: 'chancery', values }))).toMatchObject({
      metadata: { chancery: { server: 'memory', tool: 'ä' } },
    });
  });

  test('a stream', () => {
    expect(readAnswer(encodeStreamHeaders([[':status', '200']]))).toEqual({
      kind: 'stream_headers',
      headers: { ':status': '200' },
    });
    expect(readAnswer(encodeStreamBody(Buffer.from('x'), false))).toEqual({
      kind: 'stream_body',
      body: 'x',
      endOfStream: false,
    });
    expect(readAnswer(encodeStreamBody(Buffer.alloc(0), true))).toEqual({
      kind: 'stream_body',
      body: '',
      endOfStream: true,
    });
  });
});
