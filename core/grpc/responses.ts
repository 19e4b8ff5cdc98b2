// Decides how an xDS response is written: into one buffer of exactly its size, since thousands of resources make it up.
import type { AdsResource, DeltaResponse, SotwResponse } from './ads.ts';
import { varintBytes } from './wire.ts';

const RESOURCE_URL = 'type.googleapis.com/envoy.service.discovery.v3.Resource';
const MS = 1_000;
const NANOS = 1_000_000;

/** Fields of length-delimited kind, one after the other. Their numbers are below 16, so that a tag is one byte. */
class Fields {
  readonly bytes: Buffer;
  #at = 0;

  constructor(size: number) {
    this.bytes = Buffer.allocUnsafe(size);
  }

  head(field: number, length: number): void {
    this.#varint(field * 8 + 2);
    this.#varint(length);
  }

  text(field: number, value: string): void {
    if (value === '') return;
    this.head(field, Buffer.byteLength(value));
    this.#at += this.bytes.write(value, this.#at, 'utf8');
  }

  raw(field: number, value: Uint8Array): void {
    this.head(field, value.length);
    this.bytes.set(value, this.#at);
    this.#at += value.length;
  }

  number(field: number, value: number): void {
    if (value === 0) return;
    this.#varint(field * 8);
    this.#varint(value);
  }

  #varint(value: number): void {
    let rest = value;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.bytes[this.#at++] = (rest % 0x80) + 0x80;
    this.bytes[this.#at++] = rest;
  }
}

const nested = (length: number): number => 1 + varintBytes(length) + length;
const textSize = (value: string): number => (value === '' ? 0 : nested(Buffer.byteLength(value)));
const numberSize = (value: number): number => (value === 0 ? 0 : 1 + varintBytes(value));

interface Ttl {
  readonly seconds: number;
  readonly nanos: number;
}

const ttlOf = (ttlMs: number): Ttl => ({ seconds: Math.floor(ttlMs / MS), nanos: Math.round((ttlMs % MS) * NANOS) });
const ttlSize = ({ seconds, nanos }: Ttl): number => numberSize(seconds) + numberSize(nanos);
/** google.protobuf.Any */
const anySize = (typeUrl: string, bytes: Uint8Array): number => textSize(typeUrl) + nested(bytes.length);

function writeAny(fields: Fields, field: number, typeUrl: string, bytes: Uint8Array): void {
  fields.head(field, anySize(typeUrl, bytes));
  fields.text(1, typeUrl);
  fields.raw(2, bytes);
}

/** envoy.service.discovery.v3.Resource */
function resourceSize(typeUrl: string, { name, version, bytes, ttlMs }: AdsResource): number {
  const body = bytes === null ? 0 : nested(anySize(typeUrl, bytes));
  return textSize(version) + body + textSize(name) + (ttlMs === undefined ? 0 : nested(ttlSize(ttlOf(ttlMs))));
}

function writeResource(fields: Fields, typeUrl: string, { name, version, bytes, ttlMs }: AdsResource): void {
  fields.text(1, version);
  if (bytes !== null) writeAny(fields, 2, typeUrl, bytes);
  fields.text(3, name);
  if (ttlMs === undefined) return;
  const ttl = ttlOf(ttlMs);
  fields.head(6, ttlSize(ttl));
  fields.number(1, ttl.seconds);
  fields.number(2, ttl.nanos);
}

/** envoy.service.discovery.v3.DeltaDiscoveryResponse */
export function encodeDeltaResponse({ typeUrl, version, nonce, resources, removed }: DeltaResponse): Buffer {
  let size = textSize(version) + textSize(typeUrl) + textSize(nonce);
  for (const resource of resources) size += nested(resourceSize(typeUrl, resource));
  for (const name of removed) size += nested(Buffer.byteLength(name));
  const fields = new Fields(size);
  fields.text(1, version);
  for (const resource of resources) {
    fields.head(2, resourceSize(typeUrl, resource));
    writeResource(fields, typeUrl, resource);
  }
  fields.text(4, typeUrl);
  fields.text(5, nonce);
  for (const name of removed) fields.raw(6, Buffer.from(name, 'utf8'));
  return fields.bytes;
}

/** envoy.service.discovery.v3.DiscoveryResponse */
export function encodeSotwResponse({ typeUrl, version, nonce, resources }: SotwResponse): Buffer {
  const wrapped = ({ ttlMs, bytes }: AdsResource): boolean => ttlMs !== undefined || bytes === null;
  const anyOf = (resource: AdsResource): number =>
    wrapped(resource)
      ? textSize(RESOURCE_URL) + nested(resourceSize(typeUrl, resource))
      : anySize(typeUrl, resource.bytes!);
  let size = textSize(version) + textSize(typeUrl) + textSize(nonce);
  for (const resource of resources) size += nested(anyOf(resource));
  const fields = new Fields(size);
  fields.text(1, version);
  for (const resource of resources) {
    if (!wrapped(resource)) {
      writeAny(fields, 2, typeUrl, resource.bytes!);
      continue;
    }
    fields.head(2, anyOf(resource));
    fields.text(1, RESOURCE_URL);
    fields.head(2, resourceSize(typeUrl, resource));
    writeResource(fields, typeUrl, resource);
  }
  fields.text(4, typeUrl);
  fields.text(5, nonce);
  return fields.bytes;
}
