// Decides how an xDS client that shares no code with the server speaks: messages by Envoy's own descriptors.
import type { JsonObject, JsonValue } from '@bufbuild/protobuf';
import { Client, type ClientDuplexStream, credentials, type ServiceError, status } from '@grpc/grpc-js';
import { expect } from 'vitest';
import { SENTINELS, TYPES, type World } from './world.ts';

const DISCOVERY = 'envoy.service.discovery.v3';
const MESSAGES = {
  delta: { request: 'DeltaDiscoveryRequest', response: 'DeltaDiscoveryResponse', names: 'resource_names_subscribe' },
  sotw: { request: 'DiscoveryRequest', response: 'DiscoveryResponse', names: 'resource_names' },
} as const;
const ADS = {
  delta: `${DISCOVERY}.AggregatedDiscoveryService/DeltaAggregatedResources`,
  sotw: `${DISCOVERY}.AggregatedDiscoveryService/StreamAggregatedResources`,
};
/** Where each type's content shows the version that the test gave it. */
const VERSION_AT: Readonly<Record<string, (json: JsonObject) => unknown>> = {
  CDS: (json) => json.alt_stat_name,
  EDS: (json) => Object.keys(json.named_endpoints as JsonObject)[0],
  LDS: (json) => json.stat_prefix,
  RDS: (json) => (json.virtual_hosts as JsonObject[])[0]?.name,
  RTDS: (json) => (json.layer as JsonObject).version,
};
export const NODE = { id: 'independent-1', cluster: 'envoy' };

export type Variant = keyof typeof MESSAGES;
type Json = { readonly [member: string]: unknown };

export interface Response {
  readonly label: string;
  readonly typeUrl: string;
  readonly nonce: string;
  /** `version_info` or `system_version_info` */
  readonly version: string;
  /** `name@version` from the content, or `name~version` of a heartbeat. */
  readonly resources: readonly string[];
  readonly removed: readonly string[];
  readonly json: Json;
}

export interface WireOptions {
  readonly variant: Variant;
  /** Path of a method of a separate stream; absent: ADS. */
  readonly method?: string;
  readonly node?: Json;
}

/**
 * One stream. Of every response it asserts that the nonce is new, that the type was asked for, and that no name is in
 * it twice.
 */
export class Wire {
  readonly #options: WireOptions;
  readonly #client: Client;
  readonly #call: ClientDuplexStream<JsonObject, JsonValue>;
  readonly #waiting: Response[] = [];
  readonly #nonces = new Set<string>();
  readonly #asked = new Set<string>();
  readonly #names = new Map<string, readonly string[]>();
  readonly #last = new Map<string, Response>();
  readonly #accepted = new Map<string, string>();
  readonly ended: Promise<{ readonly code: string; readonly details: string }>;
  #wake: () => void = () => {};
  #first = true;
  #sentinel = 0;

  constructor(world: World, options: WireOptions) {
    this.#options = options;
    const path = `/${options.method ?? ADS[options.variant]}`;
    const { request, response } = MESSAGES[options.variant];
    this.#client = new Client(`unix:${world.socket}`, credentials.createInsecure(), {
      'grpc.use_local_subchannel_pool': 1,
    });
    this.#call = this.#client.makeBidiStreamRequest(
      path,
      (json: JsonObject) => Buffer.from(world.api.encodeResource(`type.googleapis.com/${DISCOVERY}.${request}`, json)),
      (bytes: Buffer) => world.api.decode(`type.googleapis.com/${DISCOVERY}.${response}`, bytes),
    );
    this.#call.on('data', (json: JsonObject) => {
      this.#waiting.push(this.#read(json));
      this.#wake();
    });
    this.ended = new Promise((resolve) => {
      this.#call.on('error', ({ code, details }: ServiceError) => resolve({ code: status[code] ?? '', details }));
      this.#call.on('end', () => resolve({ code: 'OK', details: '' }));
    });
  }

  /** A request as it is written; the node goes with the first one. */
  send(json: Json): void {
    const node = this.#first ? { node: this.#options.node ?? NODE } : {};
    this.#first = false;
    this.#call.write({ ...node, ...json } as JsonObject);
  }

  /** Asks for a type; `names` as the variant has them (delta: further ones; SotW: all). */
  ask(label: string, names?: readonly string[], more: Json = {}): void {
    const { names: field } = MESSAGES[this.#options.variant];
    const typeUrl = TYPES[label]!.typeUrl;
    this.#asked.add(label);
    if (names !== undefined) this.#names.set(label, names);
    const last = this.#last.get(label);
    const sotw =
      this.#options.variant === 'sotw'
        ? {
            version_info: this.#accepted.get(label) ?? '',
            ...(last === undefined ? {} : { response_nonce: last.nonce }),
          }
        : {};
    this.send({ type_url: typeUrl, ...sotw, ...(names === undefined ? {} : { [field]: names }), ...more });
  }

  unsubscribe(label: string, names: readonly string[], more: Json = {}): void {
    this.ask(label, undefined, { resource_names_unsubscribe: names, ...more });
  }

  /** The next response, whatever it is. */
  async next(): Promise<Response> {
    while (this.#waiting.length === 0) {
      await Promise.race([
        new Promise<void>((resolve) => {
          this.#wake = resolve;
        }),
        this.ended.then(({ code, details }) => {
          throw new Error(`the stream ended: ${code} ${details}`);
        }),
      ]);
    }
    const response = this.#waiting.shift()!;
    this.#last.set(response.label, response);
    return response;
  }

  ack(response: Response, more: Json = {}): void {
    this.#accepted.set(response.label, response.version);
    this.#answer(response, more);
  }

  nack(response: Response, message: string, more: Json = {}): void {
    this.#answer(response, { error_detail: { code: 3, message }, ...more });
  }

  /** The next response, accepted. */
  async take(): Promise<Response> {
    const response = await this.next();
    this.ack(response);
    return response;
  }

  /** Nothing was sent until now that was not looked at. */
  async silence(): Promise<void> {
    const name = SENTINELS[this.#sentinel++]!;
    this.ask('RTDS', [name]);
    const response = await this.take();
    expect([response.label, response.resources]).toEqual(['RTDS', [`${name}@1`]]);
    expect(this.#waiting).toEqual([]);
  }

  close(): void {
    this.#call.cancel();
    this.#client.close();
  }

  #answer({ label, typeUrl, nonce }: Response, more: Json): void {
    const names = this.#names.get(label);
    const sotw =
      this.#options.variant === 'sotw'
        ? { version_info: this.#accepted.get(label) ?? '', ...(names === undefined ? {} : { resource_names: names }) }
        : {};
    this.send({ type_url: typeUrl, response_nonce: nonce, ...sotw, ...more });
  }

  #read(json: Json): Response {
    const typeUrl = json.type_url as string;
    const label = Object.keys(TYPES).find((one) => TYPES[one]!.typeUrl === typeUrl) ?? typeUrl;
    const resources = ((json.resources ?? []) as JsonObject[]).map((resource) => show(label, resource));
    const names = resources.map((text) => text.split(/[@~]/)[0]);
    expect(new Set(names).size, 'a name is in a response twice').toBe(names.length);
    expect(this.#asked, 'a type that was not asked for').toContain(label);
    expect(this.#nonces, 'a nonce is used again').not.toContain(json.nonce);
    expect(json.nonce).toEqual(expect.stringMatching(/./));
    this.#nonces.add(json.nonce as string);
    return {
      label,
      typeUrl,
      nonce: json.nonce as string,
      version: String(json.version_info ?? json.system_version_info),
      resources,
      removed: (json.removed_resources ?? []) as string[],
      json,
    };
  }
}

/** Delta has `Resource {name, version, resource}`; SotW the message itself, or such a `Resource` around it. */
function show(label: string, json: JsonObject): string {
  const wrapped = 'version' in json && !('@type' in json && !String(json['@type']).endsWith('.Resource'));
  const body = (wrapped ? json.resource : json) as JsonObject | undefined;
  if (body === undefined) return `${json.name}~${json.version}`;
  const name = body.name ?? body.cluster_name;
  const version = VERSION_AT[label]?.(body) ?? json.version;
  if (wrapped) expect([json.name, json.version]).toEqual([name, version]);
  return `${name}@${version}`;
}
