import { expect, test } from 'vitest';
import { LIMITS } from '../limits.ts';
import {
  type AdsNode,
  type DeltaRequest,
  type DeltaResponse,
  decodeDeltaRequest,
  decodeDeltaResponse,
  decodeDocument,
  decodeSotwRequest,
  encodeDeltaRequest,
  encodeDeltaResponse,
  encodeDocument,
  encodeSotwRequest,
  encodeSotwResponse,
} from './ads.ts';

const NODE: AdsNode = {
  id: 'n',
  cluster: 'envoy',
  metadata: { stage: 'prod', empty: '' },
  zone: 'eu-1',
  userAgent: 'envoy 1.40.0',
  features: ['xds.config.resource-in-sotw'],
};

const REQUEST: DeltaRequest = {
  node: NODE,
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
  expect(decodeDeltaRequest(encodeDeltaRequest(request))).toEqual(request);
});

test('the field numbers are those of the protocol', () => {
  const hex = encodeDeltaRequest({
    ...REQUEST,
    node: { id: 'n', cluster: 'envoy' },
    subscribe: ['s'],
    initialVersions: new Map([['k', 'v']]),
  }).toString('latin1');
  expect(hex).toBe(
    '\n\n\n\u0001n\u0012\u0005envoy\u0012\u0001t\u001a\u0001s"\u0001b*\u0006\n\u0001k\u0012\u0001v2\u00017:\u0006\b\u0003\u0012\u0002no',
  );
});

test('a response comes back as it went', () => {
  const response: DeltaResponse = {
    typeUrl: 't',
    version: 'v',
    nonce: '1',
    resources: [
      { name: 'a', version: '1', bytes: Buffer.from('x') },
      { name: 'b', version: '1', bytes: Buffer.from('x'), ttlMs: 1_500 },
      { name: 'c', version: '1', bytes: null, ttlMs: 30_000 },
    ],
    removed: ['b'],
  };
  expect(decodeDeltaResponse(encodeDeltaResponse(response))).toEqual(response);
});

test('a refusal without words has some', () => {
  // error_detail { code: 13 }
  expect(decodeDeltaRequest(Buffer.from([0x3a, 0x02, 0x08, 0x0d])).error).toBe('status code 13');
});

test('a resource without content has none', () => {
  // resources { name: "a" }
  expect(decodeDeltaResponse(Buffer.from([0x12, 0x03, 0x1a, 0x01, 0x61])).resources).toEqual([
    { name: 'a', version: '', bytes: null },
  ]);
});

test('a resource with an empty message is empty', () => {
  // resources { name: "a" resource {} }
  expect(decodeDeltaResponse(Buffer.from([0x12, 0x05, 0x1a, 0x01, 0x61, 0x12, 0x00])).resources[0]?.bytes).toEqual(
    new Uint8Array(),
  );
});

test('unknown fields are skipped', () => {
  // node { user_agent_name: "x" } and a field 99
  const request = decodeDeltaRequest(Buffer.from([0x0a, 0x03, 0x32, 0x01, 0x78, 0x9a, 0x06, 0x01, 0x78]));
  expect(request).toMatchObject({ ...EMPTY, node: { id: '', cluster: '', userAgent: 'x' } });
});

test('a request for the state of the world comes back as it went', () => {
  const { node, typeUrl, responseNonce, error } = REQUEST;
  const request = { node, typeUrl, responseNonce, error, versionInfo: 'v', names: ['*', 'a'] };
  expect(decodeSotwRequest(encodeSotwRequest(request))).toEqual(request);
});

test('in the state of the world what has a TTL is wrapped', () => {
  const x = Buffer.from('x');
  const bytes = encodeSotwResponse({
    typeUrl: 't',
    version: 'v',
    nonce: '1',
    resources: [
      { name: 'a', version: '1', bytes: x },
      { name: 'b', version: '1', bytes: x, ttlMs: 2_000 },
    ],
  }).toString('latin1');
  // Any { type_url: "t" value: "x" }, and Any { Resource { version, resource: Any, name, ttl { seconds: 2 } } }
  expect(bytes).toContain('\x12\x06\n\x01t\x12\x01x');
  expect(bytes).toContain('type.googleapis.com/envoy.service.discovery.v3.Resource');
  expect(bytes).toContain('\n\x011\x12\x06\n\x01t\x12\x01x\x1a\x01b2\x02\x08\x02');
});

test('of what a node says of itself each part is bounded', () => {
  const long = 'x'.repeat(LIMITS.xdsNodeIdCharsMax + 1);
  const many = Array.from({ length: LIMITS.xdsNodeMetadataMax + 1 }, (_, index) => `k${index}`);
  const node = (said: Partial<AdsNode>): AdsNode =>
    decodeDeltaRequest(encodeDeltaRequest({ ...EMPTY, node: { ...NODE, ...said } })).node!;
  expect(node({ metadata: { [long]: 'v', k: long, ok: 'v' } }).metadata).toEqual({ ok: 'v' });
  expect(node({ zone: long }).zone).toBe('');
  expect(node({ userAgent: long }).userAgent).toHaveLength(LIMITS.xdsNodeIdCharsMax);
  expect(node({ features: many }).features).toHaveLength(LIMITS.xdsNodeMetadataMax);
  const metadata = Object.fromEntries(many.map((key) => [key, '']));
  expect(Object.keys(node({ metadata }).metadata!)).toHaveLength(LIMITS.xdsNodeMetadataMax);
});

test.each<[string, readonly number[]]>([
  ['a truncated message', [0x0a, 0x05, 0x01]],
  ['a wrong wire type', [0x0a, 0xff, 0xff, 0xff, 0xff, 0xff]],
])('%s throws', (_name, bytes) => {
  expect(() => decodeDeltaRequest(Buffer.from(bytes))).toThrow();
});

test('a document holds its text', () => {
  expect(decodeDocument(encodeDocument('{"a":"ä"}'))).toBe('{"a":"ä"}');
  expect(decodeDocument(new Uint8Array())).toBe('');
  expect(() => decodeDocument(Buffer.from([0x0a, 0x01, 0xff]))).toThrow();
});
