// Decides how the messages of envoy.service.ext_proc.v3 that we use look on the wire; field numbers as in Envoy 1.40's descriptors.
import type { MessageParts } from './frames.ts';
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
  /** Of a call that was made for the caller; see METADATA in core/contract.ts. */
  readonly metadata?: Relay['metadata'];
}

// One writer for the process: every encoder below begins it anew and finishes before the next.
const writer = new WireWriter();

/** In full duplex: the answer to the headers, held until the body was read, then the body, which is not copied. */
export function encodeRelay(relay: Relay, trailers: boolean): readonly MessageParts[] {
  writer.reset();
  dynamicMetadata(relay.metadata);
  headersResponse(relay.setHeaders, relay.removeHeaders, true);
  const headers = [writer.finish()];
  // A request with trailers ends with them, not with its body.
  return trailers ? [headers, encodeBody(relay.body, false), [TRAILERS]] : [headers, encodeBody(relay.body, true)];
}

/** dynamic_metadata(8): Struct { fields(1): map<string, Value { struct_value(5) }> } */
function dynamicMetadata({ namespace, values }: Relay['metadata']): void {
  const metadata = writer.mark();
  const inner = writer.mark();
  for (const [key, value] of values) {
    const entry = writer.mark();
    const text = writer.mark();
    writer.text(3, value);
    writer.nest(2, text);
    writer.text(1, key);
    writer.nest(1, entry);
  }
  writer.nest(5, inner);
  writer.nest(2, inner);
  writer.text(1, namespace);
  writer.nest(1, inner);
  writer.nest(8, metadata);
}

/** Answers the headers with mutations only: a request without body, or the repair of a retry. */
export function encodeHeadersOnly(setHeaders: Relay['setHeaders'], clearRouteCache: boolean): MessageParts {
  writer.reset();
  headersResponse(setHeaders, [], clearRouteCache);
  return [writer.finish()];
}

/** request_headers(1): HeadersResponse { response(1): CommonResponse { header_mutation(2), clear_route_cache(5) } } */
function headersResponse(set: Relay['setHeaders'], remove: readonly string[], clearRouteCache: boolean): void {
  const response = writer.mark();
  if (clearRouteCache) writer.varint(5, 1);
  const mutation = writer.mark();
  for (const name of remove) writer.text(2, name);
  setHeaders(set);
  writer.nest(2, mutation);
  writer.nest(1, response);
  writer.nest(1, response);
}

/** HeaderMutation.set_headers(1): HeaderValueOption { header(1), append_action(3) = OVERWRITE_IF_EXISTS_OR_ADD(2) } */
function setHeaders(headers: Relay['setHeaders']): void {
  for (let index = headers.length - 1; index >= 0; index--) {
    const [name, value] = headers[index]!;
    const option = writer.mark();
    writer.varint(3, 2);
    headerValue(1, name, value);
    writer.nest(1, option);
  }
}

/** Envoy takes header values from `raw_value` (field 3). */
function headerValue(field: number, name: string, value: string): void {
  const header = writer.mark();
  writer.text(3, value);
  writer.text(1, name);
  writer.nest(field, header);
}

/**
 * request_body(3): BodyResponse { response(1): CommonResponse { body_mutation(3): BodyMutation { streamed_response(3):
 * StreamedBodyResponse { body(1), end_of_stream(2) } } } }. Only what surrounds the body is written.
 */
function encodeBody(body: readonly Buffer[], endOfStream: boolean): MessageParts {
  let length = 0;
  for (const part of body) length += part.length;
  const tail = endOfStream ? END_OF_STREAM : EMPTY;
  // From the inside out: the tag of `body`, then of each message around it.
  const head: number[] = [];
  let size = length + tail.length;
  prepend(head, lenTag(1), length);
  size = length + head.length + tail.length;
  for (const tag of [lenTag(3), lenTag(3), lenTag(1), lenTag(3)]) {
    const before = head.length;
    prepend(head, tag, size);
    size += head.length - before;
  }
  return [Buffer.from(head), ...body, tail];
}

function prepend(head: number[], tag: number, length: number): void {
  const prefix = [tag];
  let rest = length;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) prefix.push((rest % 0x80) + 0x80);
  prefix.push(rest);
  head.unshift(...prefix);
}

/** immediate_response(7): { status(1) { code(1) }, headers(2), body(3), details(5) } */
export function encodeImmediate(answer: Immediate): MessageParts {
  writer.reset();
  if (answer.metadata !== undefined) dynamicMetadata(answer.metadata);
  const response = writer.mark();
  writer.text(5, answer.details);
  if (typeof answer.body === 'string') writer.text(3, answer.body);
  else writer.bytes(3, answer.body);
  const mutation = writer.mark();
  setHeaders(answer.headers);
  writer.nest(2, mutation);
  const status = writer.mark();
  writer.varint(1, answer.status);
  writer.nest(1, status);
  writer.nest(7, response);
  return [writer.finish()];
}

/** Begins an answer that ext-proc goes on composing; `:status` is among the headers. */
export function encodeStreamHeaders(
  headers: readonly (readonly [string, string])[],
  metadata?: Relay['metadata'],
): MessageParts {
  writer.reset();
  if (metadata !== undefined) dynamicMetadata(metadata);
  const response = writer.mark();
  for (let index = headers.length - 1; index >= 0; index--) headerValue(1, ...headers[index]!);
  writer.nest(1, response);
  writer.nest(1, response);
  writer.nest(11, response);
  return [writer.finish()];
}

export function encodeStreamBody(body: Buffer, endOfStream: boolean): MessageParts {
  writer.reset();
  const response = writer.mark();
  if (endOfStream) writer.varint(2, 1);
  writer.bytes(1, body);
  writer.nest(2, response);
  writer.nest(11, response);
  return [writer.finish()];
}

// ProcessingResponse.request_trailers(5) = {}
const TRAILERS = Buffer.from([5 * 8 + WIRE_LEN, 0]);
const END_OF_STREAM = Buffer.from([2 * 8, 1]);
