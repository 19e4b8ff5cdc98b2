// Decides what of Envoy's CheckRequest counts; field numbers as in Envoy 1.40's descriptors (envoy.service.auth.v3).
import { Field, MapField, Root, Type } from 'protobufjs';
import { AUTHZ_BODY, AUTHZ_SURFACE, AUTHZ_TRANSLATED } from '../core/contract.ts';

/** A request as Envoy describes it. */
export interface CheckRequest {
  /** HTTP method. */
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  /** Lower-case names; a repeated header is joined with commas. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
  /** Envoy cut the body at its limit. */
  readonly bodyCut: boolean;
  /** The body came as text, which is not the bytes that go on: `pack_as_bytes` is missing in the filter. */
  readonly bodyAsText: boolean;
  /** Our own route says that ext-proc is behind. No header says so: a client has no part in it. */
  readonly translated: boolean;
  /** The route says that bodies are not sent: headers alone are decided on. */
  readonly bodyless: boolean;
  /** The surface that the route of the Envoy names; null: its path says which. */
  readonly surface: string | null;
  /** Of the client, as Envoy sees its connection; null: not told. */
  readonly address: string | null;
}

/** Set by Envoy, over whatever a client sends under this name. */
const PARTIAL_BODY_HEADER = 'x-envoy-auth-partial-body';

interface Wire {
  readonly attributes?: {
    readonly source?: {
      readonly address?: { readonly socketAddress?: { readonly address: string } | null } | null;
    } | null;
    readonly request?: {
      readonly http?: {
        readonly method: string;
        readonly headers: Readonly<Record<string, string>>;
        readonly path: string;
        readonly body: string;
        readonly rawBody: Uint8Array;
      };
    };
    readonly contextExtensions?: Readonly<Record<string, string>>;
  };
}

const HTTP = new Type('HttpRequest')
  .add(new Field('method', 2, 'string'))
  .add(new MapField('headers', 3, 'string', 'string'))
  .add(new Field('path', 4, 'string'))
  .add(new Field('body', 11, 'string'))
  .add(new Field('rawBody', 12, 'bytes'));
const REQUEST = new Type('Request').add(new Field('http', 2, 'HttpRequest'));
const SOCKET_ADDRESS = new Type('SocketAddress').add(new Field('address', 2, 'string'));
const ADDRESS = new Type('Address').add(new Field('socketAddress', 1, 'SocketAddress'));
const PEER = new Type('Peer').add(new Field('address', 1, 'Address'));
const ATTRIBUTES = new Type('AttributeContext')
  .add(new Field('source', 1, 'Peer'))
  .add(new Field('request', 4, 'Request'))
  .add(new MapField('contextExtensions', 10, 'string', 'string'));
const CHECK_REQUEST = new Type('CheckRequest').add(new Field('attributes', 1, 'AttributeContext'));
new Root()
  .define('ext_authz')
  .add(SOCKET_ADDRESS)
  .add(ADDRESS)
  .add(PEER)
  .add(HTTP)
  .add(REQUEST)
  .add(ATTRIBUTES)
  .add(CHECK_REQUEST);

/** @throws Error when the bytes are not a CheckRequest about an HTTP request. */
export function decodeCheckRequest(bytes: Buffer): CheckRequest {
  const { attributes } = CHECK_REQUEST.decode(bytes) as unknown as Wire;
  const http = attributes?.request?.http;
  if (http === undefined || http === null) throw new Error('a CheckRequest without attributes.request.http was found');
  const headers = new Map(Object.entries(http.headers));
  return {
    method: http.method,
    path: http.path.split('?', 1)[0] ?? '',
    headers,
    body: bytesOf(http.rawBody),
    bodyCut: headers.get(PARTIAL_BODY_HEADER) === 'true',
    bodyAsText: http.body !== '' && http.rawBody.length === 0,
    translated: attributes?.contextExtensions?.[AUTHZ_TRANSLATED] === 'true',
    bodyless: attributes?.contextExtensions?.[AUTHZ_BODY] === 'none',
    surface: attributes?.contextExtensions?.[AUTHZ_SURFACE] || null,
    address: attributes?.source?.address?.socketAddress?.address || null,
  };
}

/** A view, not a copy. An absent field of bytes is an empty array in protobufjs. */
function bytesOf(field: Uint8Array): Buffer {
  return field.length === 0 ? Buffer.alloc(0) : Buffer.from(field.buffer, field.byteOffset, field.length);
}

/** What Envoy would send; for tests and probes. `contextExtensions`: of its route. */
export function encodeCheckRequest(
  http: {
    readonly method: string;
    readonly path: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body?: string;
    readonly rawBody?: Uint8Array;
  },
  contextExtensions: Readonly<Record<string, string>> = {},
  address = '',
): Buffer {
  const source = address === '' ? {} : { source: { address: { socketAddress: { address } } } };
  const attributes = { ...source, request: { http }, contextExtensions };
  return Buffer.from(CHECK_REQUEST.encode(CHECK_REQUEST.fromObject({ attributes })).finish());
}
