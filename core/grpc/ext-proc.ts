// Decides how the messages of envoy.service.ext_proc.v3 that we use look on the wire; field numbers as in Envoy 1.40's descriptors.
import { WireReader, WireWriter } from './wire.ts';

/** Header names are lower case as Envoy sends them; a repeated header is joined with ", " (RFC 9110 §5.3). */
export type HeaderMap = ReadonlyMap<string, string>;

export type ProcessingRequest =
  | {
      readonly kind: 'request_headers';
      readonly headers: HeaderMap;
      readonly endOfStream: boolean;
      readonly metadata: Metadata;
    }
  | { readonly kind: 'request_body'; readonly body: Buffer; readonly endOfStream: boolean }
  | { readonly kind: 'request_trailers' }
  | { readonly kind: 'other' };

/** Dynamic metadata that Envoy forwards: namespace → key → string. Values of other kinds are left out. */
export type Metadata = ReadonlyMap<string, ReadonlyMap<string, string>>;
const NO_METADATA: Metadata = new Map();

const WIRE_LEN = 2;
const lenTag = (field: number): number => field * 8 + WIRE_LEN;

/** @throws Error when the bytes are not a protobuf message. */
export function decodeProcessingRequest(bytes: Buffer): ProcessingRequest {
  const reader = new WireReader(bytes);
  let headers: WireReader | null = null;
  let metadata = NO_METADATA;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === lenTag(2)) headers = reader.range();
    else if (tag === lenTag(4)) return decodeBody(reader.range());
    else if (tag === lenTag(6)) return { kind: 'request_trailers' };
    else if (tag === lenTag(8)) metadata = decodeMetadata(reader.range());
    else reader.skip(tag);
  }
  if (headers === null) return { kind: 'other' };
  return decodeHeaders(headers, metadata);
}

function decodeHeaders(reader: WireReader, metadata: Metadata): ProcessingRequest {
  const headers = new Map<string, string>();
  let endOfStream = false;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === lenTag(1)) {
      const map = reader.range();
      for (let inner = map.tag(); inner !== 0; inner = map.tag()) {
        if (inner === lenTag(1)) addHeader(map.range(), headers);
        else map.skip(inner);
      }
    } else if (tag === 3 * 8) endOfStream = reader.varint() === 1;
    else reader.skip(tag);
  }
  return { kind: 'request_headers', headers, endOfStream, metadata };
}

function addHeader(reader: WireReader, headers: Map<string, string>): void {
  let key = '';
  let value = '';
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === lenTag(1)) key = reader.text();
    else if (tag === lenTag(2) || tag === lenTag(3)) {
      const text = reader.text();
      if (text !== '') value = text;
    } else reader.skip(tag);
  }
  const before = headers.get(key);
  headers.set(key, before === undefined ? value : `${before}, ${value}`);
}

function decodeBody(reader: WireReader): ProcessingRequest {
  let body: Buffer = EMPTY;
  let endOfStream = false;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === lenTag(1)) body = reader.span();
    else if (tag === 2 * 8 || tag === 3 * 8) endOfStream = reader.varint() === 1 || endOfStream;
    else reader.skip(tag);
  }
  return { kind: 'request_body', body, endOfStream };
}

const EMPTY = Buffer.alloc(0);

/** Metadata { filter_metadata(1): map<string, Struct> }; Struct { fields(1): map<string, Value> }; Value { string_value(3) }. */
function decodeMetadata(reader: WireReader): Metadata {
  const metadata = new Map<string, ReadonlyMap<string, string>>();
  eachEntry(reader, (namespace, struct) => {
    const values = new Map<string, string>();
    eachEntry(struct, (key, value) => {
      for (let tag = value.tag(); tag !== 0; tag = value.tag()) {
        if (tag === lenTag(3)) values.set(key, value.text());
        else value.skip(tag);
      }
    });
    metadata.set(namespace, values);
  });
  return metadata;
}

function eachEntry(reader: WireReader, visit: (key: string, value: WireReader) => void): void {
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag !== lenTag(1)) {
      reader.skip(tag);
      continue;
    }
    const entry = reader.range();
    let key = '';
    let value = new WireReader(EMPTY);
    for (let inner = entry.tag(); inner !== 0; inner = entry.tag()) {
      if (inner === lenTag(1)) key = entry.text();
      else if (inner === lenTag(2)) value = entry.range();
      else entry.skip(inner);
    }
    visit(key, value);
  }
}

/** What the request becomes before Envoy routes it again. */
export interface Relay {
  readonly removeHeaders: readonly string[];
  readonly setHeaders: readonly (readonly [name: string, value: string])[];
  /** The whole body in pieces. */
  readonly body: readonly Buffer[];
  /** Written below the namespace; see METADATA in core/contract.ts. */
  readonly metadata: {
    readonly namespace: string;
    readonly values: readonly (readonly [key: string, value: string])[];
  };
}

/** An answer of ours; Envoy sends it to the caller and routes nothing. */
export interface Immediate {
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string | Buffer;
  /** Shown as the response code details in the access log; no spaces. */
  readonly details: string;
}

/** In full duplex: the answer to the headers, held until the body was read, then the body in one piece. */
export function encodeRelay(relay: Relay, trailers: boolean): Buffer[] {
  const mutation = new WireWriter();
  for (const [name, value] of relay.setHeaders) mutation.messageField(1, headerValueOption(name, value));
  for (const name of relay.removeHeaders) mutation.textField(2, name);
  const common = new WireWriter().messageField(2, mutation).raw(CLEAR_ROUTE_CACHE);
  const headers = new WireWriter().messageField(1, new WireWriter().messageField(1, common));
  headers.messageField(8, metadataStruct(relay.metadata.namespace, relay.metadata.values));
  // A request with trailers ends with them, not with its body.
  return trailers
    ? [headers.finish(), encodeBody(relay.body, false), TRAILERS]
    : [headers.finish(), encodeBody(relay.body, true)];
}

/** Answers the headers with mutations only: a request without body, or the repair of a retry. */
export function encodeHeadersOnly(setHeaders: Relay['setHeaders'], clearRouteCache: boolean): Buffer {
  const mutation = new WireWriter();
  for (const [name, value] of setHeaders) mutation.messageField(1, headerValueOption(name, value));
  const common = new WireWriter().messageField(2, mutation);
  if (clearRouteCache) common.raw(CLEAR_ROUTE_CACHE);
  return new WireWriter().messageField(1, new WireWriter().messageField(1, common)).finish();
}

function encodeBody(body: readonly Buffer[], endOfStream: boolean): Buffer {
  const bytes = body.length === 1 ? body[0]! : Buffer.concat(body);
  const streamed = new WireWriter().bytesField(1, bytes);
  if (endOfStream) streamed.varintField(2, 1);
  const bodyMutation = new WireWriter().messageField(3, streamed);
  const common = new WireWriter().messageField(3, bodyMutation);
  return new WireWriter().messageField(3, new WireWriter().messageField(1, common)).finish();
}

export function encodeImmediate(answer: Immediate): Buffer {
  const mutation = new WireWriter();
  for (const [name, value] of answer.headers) mutation.messageField(1, headerValueOption(name, value));
  const response = new WireWriter()
    .messageField(1, new WireWriter().varintField(1, answer.status))
    .messageField(2, mutation)
    .bytesField(3, typeof answer.body === 'string' ? Buffer.from(answer.body) : answer.body)
    .textField(5, answer.details);
  return new WireWriter().messageField(7, response).finish();
}

/** Begins an answer that ext-proc goes on composing; `:status` is among the headers. */
export function encodeStreamHeaders(headers: readonly (readonly [string, string])[]): Buffer {
  const map = new WireWriter();
  for (const [name, value] of headers) map.messageField(1, headerValue(name, value));
  const httpHeaders = new WireWriter().messageField(1, map);
  return new WireWriter().messageField(11, new WireWriter().messageField(1, httpHeaders)).finish();
}

export function encodeStreamBody(body: Buffer, endOfStream: boolean): Buffer {
  const streamed = new WireWriter().bytesField(1, body);
  if (endOfStream) streamed.varintField(2, 1);
  return new WireWriter().messageField(11, new WireWriter().messageField(2, streamed)).finish();
}

// ProcessingResponse.request_trailers(5) = {}
const TRAILERS = Buffer.from([5 * 8 + WIRE_LEN, 0]);
// CommonResponse.clear_route_cache(5) = true
const CLEAR_ROUTE_CACHE = Buffer.from([5 * 8, 1]);
// HeaderValueOption.append_action(3) = OVERWRITE_IF_EXISTS_OR_ADD(2)
const OVERWRITE = Buffer.from([3 * 8, 2]);

function headerValueOption(name: string, value: string): WireWriter {
  return new WireWriter().messageField(1, headerValue(name, value)).raw(OVERWRITE);
}

/** Envoy takes header values from `raw_value` (field 3). */
function headerValue(name: string, value: string): WireWriter {
  return new WireWriter().textField(1, name).textField(3, value);
}

function metadataStruct(namespace: string, values: readonly (readonly [string, string])[]): WireWriter {
  const inner = new WireWriter();
  for (const [key, value] of values) {
    inner.messageField(1, new WireWriter().textField(1, key).messageField(2, new WireWriter().textField(3, value)));
  }
  const entry = new WireWriter().textField(1, namespace).messageField(2, new WireWriter().messageField(5, inner));
  return new WireWriter().messageField(1, entry);
}
