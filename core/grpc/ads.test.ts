import { expect, test } from 'vitest';
import {
  type DeltaRequest,
  type DeltaResponse,
  decodeDocument,
  decodeRequest,
  decodeResponse,
  encodeDocument,
  encodeRequest,
  encodeResponse,
} from './ads.ts';

const REQUEST: DeltaRequest = {
  node: { id: 'n', cluster: 'envoy' },
  typeUrl: 't',
  subscribe: ['*', 'a'],
  unsubscribe: ['b'],
  initialVersions: new Map([
    ['a', '1'],
    ['__proto__', '2'],
  ]),
  responseNonce: '7',
  error: 'no',
};
const EMPTY: DeltaRequest = {
  node: null,
  typeUrl: '',
  subscribe: [],
  unsubscribe: [],
  initialVersions: new Map(),
  responseNonce: '',
  error: null,
};

test.each<[string, DeltaRequest]>([
  ['a full request', REQUEST],
  ['an empty request', EMPTY],
])('%s comes back as it went', (_name, request) => {
  expect(decodeRequest(encodeRequest(request))).toEqual(request);
});

test('the field numbers are those of the protocol', () => {
  const hex = encodeRequest({ ...REQUEST, subscribe: ['s'], initialVersions: new Map([['k', 'v']]) }).toString(
    'latin1',
  );
  expect(hex).toBe(
    '\n\n\n\u0001n\u0012\u0005envoy\u0012\u0001t\u001a\u0001s"\u0001b*\u0006\n\u0001k\u0012\u0001v2\u00017:\u0006\b\u0003\u0012\u0002no',
  );
});

test('a response comes back as it went', () => {
  const response: DeltaResponse = {
    typeUrl: 't',
    version: 'v',
    nonce: '1',
    resources: [{ name: 'a', version: '1', bytes: Buffer.from('x') }],
    removed: ['b'],
  };
  expect(decodeResponse(encodeResponse(response))).toEqual(response);
});

test('a refusal without words has some', () => {
  // error_detail { code: 13 }
  expect(decodeRequest(Buffer.from([0x3a, 0x02, 0x08, 0x0d])).error).toBe('status code 13');
});

test('a resource without content is empty', () => {
  // resources { name: "a" }
  expect(decodeResponse(Buffer.from([0x12, 0x03, 0x1a, 0x01, 0x61])).resources).toEqual([
    { name: 'a', version: '', bytes: new Uint8Array() },
  ]);
});

test('a resource with an empty message is empty', () => {
  // resources { name: "a" resource {} }
  expect(decodeResponse(Buffer.from([0x12, 0x05, 0x1a, 0x01, 0x61, 0x12, 0x00])).resources[0]?.bytes).toEqual(
    new Uint8Array(),
  );
});

test('unknown fields are skipped', () => {
  // node { user_agent_name: "x" } and a field 99
  const request = decodeRequest(Buffer.from([0x0a, 0x03, 0x32, 0x01, 0x78, 0x9a, 0x06, 0x01, 0x78]));
  expect(request).toEqual({ ...EMPTY, node: { id: '', cluster: '' } });
});

test.each<[string, readonly number[]]>([
  ['a truncated message', [0x0a, 0x05, 0x01]],
  ['a wrong wire type', [0x0a, 0xff, 0xff, 0xff, 0xff, 0xff]],
])('%s throws', (_name, bytes) => {
  expect(() => decodeRequest(Buffer.from(bytes))).toThrow();
});

test('a document holds its text', () => {
  expect(decodeDocument(encodeDocument('{"a":"ä"}'))).toBe('{"a":"ä"}');
  expect(decodeDocument(new Uint8Array())).toBe('');
  expect(() => decodeDocument(Buffer.from([0x0a, 0x01, 0xff]))).toThrow();
});
