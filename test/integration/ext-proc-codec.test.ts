// Decides that our ext_proc codec and the descriptors of the pinned Envoy mean the same bytes.
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  decodeProcessingRequest,
  encodeHeadersOnly,
  encodeImmediate,
  encodeRelay,
  encodeStreamBody,
  encodeStreamHeaders,
} from '../../core/grpc/ext-proc.ts';
import type { MessageParts } from '../../core/grpc/frames.ts';
import { type EnvoyApi, openEnvoyApi } from '../../proto/envoy-api.ts';
import { envoyForTests } from '../support/envoy.ts';

const REQUEST = 'type.googleapis.com/envoy.service.ext_proc.v3.ProcessingRequest';
const RESPONSE = 'type.googleapis.com/envoy.service.ext_proc.v3.ProcessingResponse';
const base64 = (text: string): string => Buffer.from(text).toString('base64');

let api: EnvoyApi;
beforeAll(() => {
  api = openEnvoyApi(envoyForTests(), mkdtempSync(join(tmpdir(), 'chancery-codec-')));
});

describe('what Envoy sends is read', () => {
  const decode = (json: object) => decodeProcessingRequest(Buffer.from(api.encodeResource(REQUEST, json as never)));

  test('headers with metadata; a repeated header is joined', () => {
    const request = decode({
      request_headers: {
        headers: {
          headers: [
            { key: ':method', raw_value: base64('POST') },
            { key: 'accept', raw_value: base64('a') },
            { key: 'accept', raw_value: base64('b') },
            { key: 'empty', raw_value: '' },
          ],
        },
        end_of_stream: true,
      },
      metadata_context: { filter_metadata: { ns: { text: 'ü', number: 3 }, other: {} } },
    });
    expect(request.kind).toBe('request_headers');
    if (request.kind !== 'request_headers') return;
    expect(Object.fromEntries(request.headers)).toEqual({ ':method': 'POST', accept: 'a, b', empty: '' });
    expect(request.endOfStream).toBe(true);
    expect(request.metadata.get('ns')?.get('text')).toBe('ü');
    expect(request.metadata.get('ns')?.has('number')).toBe(false);
    expect(request.metadata.has('other')).toBe(true);
  });

  test('a body chunk, the last chunk, and an end without a body', () => {
    expect(decode({ request_body: { body: base64('abc') } })).toEqual({
      kind: 'request_body',
      body: Buffer.from('abc'),
      endOfStream: false,
    });
    expect(decode({ request_body: { body: base64('x'), end_of_stream: true } })).toMatchObject({ endOfStream: true });
    expect(decode({ request_body: { end_of_stream_without_message: true } })).toMatchObject({ endOfStream: true });
  });

  test('trailers, and what is none of ours', () => {
    expect(decode({ request_trailers: {} })).toEqual({ kind: 'request_trailers' });
    expect(decode({ response_headers: {} })).toEqual({ kind: 'other' });
  });
});

describe('what we answer is what Envoy reads', () => {
  const read = (parts: MessageParts) => api.decode(RESPONSE, Buffer.concat(parts));
  const option = (key: string, value: string) => ({
    header: { key, raw_value: base64(value) },
    append_action: 'OVERWRITE_IF_EXISTS_OR_ADD',
  });

  test('a relay: headers, metadata and route in the first message, the body in the second', () => {
    const relay = {
      setHeaders: [['x-a', '1']] as const,
      removeHeaders: ['x-b'],
      body: [Buffer.from('ab'), Buffer.from('c'.repeat(300))],
      metadata: { namespace: 'chancery', values: [['id', '"7"']] as const },
    };
    const [headers, body] = encodeRelay(relay, false);
    expect(read(headers!)).toEqual({
      request_headers: {
        response: {
          header_mutation: { set_headers: [option('x-a', '1')], remove_headers: ['x-b'] },
          clear_route_cache: true,
        },
      },
      dynamic_metadata: { chancery: { id: '"7"' } },
    });
    expect(read(body!)).toEqual({
      request_body: {
        response: {
          body_mutation: { streamed_response: { body: base64(`ab${'c'.repeat(300)}`), end_of_stream: true } },
        },
      },
    });
    const [, unended, trailers] = encodeRelay(relay, true);
    expect(JSON.stringify(read(unended!))).not.toContain('end_of_stream');
    expect(read(trailers!)).toEqual({ request_trailers: {} });
  });

  test('an immediate answer', () => {
    const answer = {
      status: 404,
      headers: [['content-type', 'application/json']] as const,
      body: '{"ä":1}',
      details: 'chancery_x',
    };
    expect(read(encodeImmediate(answer))).toEqual({
      immediate_response: {
        status: { code: 'NotFound' },
        headers: { set_headers: [option('content-type', 'application/json')] },
        body: base64('{"ä":1}'),
        details: 'chancery_x',
      },
    });
  });

  test('a streamed answer, and headers only', () => {
    expect(read(encodeStreamHeaders([[':status', '200']]))).toEqual({
      streamed_immediate_response: {
        headers_response: { headers: { headers: [{ key: ':status', raw_value: base64('200') }] } },
      },
    });
    expect(read(encodeStreamBody(Buffer.from('x'), true))).toEqual({
      streamed_immediate_response: { body_response: { body: base64('x'), end_of_stream: true } },
    });
    expect(read(encodeHeadersOnly([['a', 'b']], false))).toEqual({
      request_headers: { response: { header_mutation: { set_headers: [option('a', 'b')] } } },
    });
  });
});
