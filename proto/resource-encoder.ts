// Decides how a large resource is encoded so that a part that did not change is not encoded again.
import { type DescField, type DescMessage, type JsonObject, type JsonValue, ScalarType } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { type EnvoyApi, EnvoyConfigError } from './envoy-api.ts';
import type { VisitField } from './json-walk.ts';

/**
 * Message → its one repeated field, or map, whose values are encoded apart. Thousands of surfaces lie in one route
 * configuration, and thousands of clusters have the same filters. "The order of fields is not guaranteed", and repeated
 * fields may lie anywhere among the others (Protocol Buffers, encoding): so parts can be put together as bytes.
 */
const PARTS: Readonly<Record<string, string>> = {
  'envoy.config.route.v3.RouteConfiguration': 'virtual_hosts',
  'envoy.config.route.v3.VirtualHost': 'routes',
  'envoy.config.cluster.v3.Cluster': 'typed_extension_protocol_options',
};

/** A field that was seen on the way. */
interface Seen {
  readonly field: DescField;
  readonly value: JsonValue;
  readonly path: string;
}

interface Encoded {
  readonly bytes: Uint8Array;
  readonly seen: readonly Seen[];
}

/** Whether a field shall be shown; it is remembered with the part in which it lies. */
export type KeepField = (field: DescField) => boolean;

export class ResourceEncoder {
  readonly #api: EnvoyApi;
  readonly #keep: KeepField;
  readonly #known = new WeakMap<object, Encoded>();

  constructor(api: EnvoyApi, keep: KeepField) {
    this.#api = api;
    this.#keep = keep;
  }

  /**
   * As EnvoyApi.encodeResource, for JSON that is never changed. `visit` is shown what `keep` wants.
   * @throws EnvoyConfigError with the path inside the resource.
   */
  encode(typeUrl: string, json: { readonly [member: string]: unknown }, visit: VisitField): Uint8Array {
    const { bytes, seen } = this.#whole(typeUrl.slice(typeUrl.lastIndexOf('/') + 1), json as JsonObject);
    for (const { field, value, path } of seen) visit(field, value, path);
    return bytes;
  }

  #whole(typeName: string, json: JsonObject): Encoded {
    const message = this.#api.registry.getMessage(typeName);
    const field = message?.fields.find(({ name }) => name === PARTS[typeName]);
    const value = field === undefined ? undefined : json[field.name];
    if (message === undefined || field?.message === undefined || !isObject(value)) return this.#plain(typeName, json);
    const { [field.name]: _, ...rest } = json;
    const whole = this.#plain(typeName, rest);
    const chunks = [whole.bytes];
    const seen = [...whole.seen];
    for (const [key, part] of Object.entries(value)) {
      const path = `${field.name}[${Array.isArray(value) ? key : JSON.stringify(key)}]`;
      const encoded = this.#part(field.message, part, path);
      chunks.push(framed(field, key, encoded.bytes));
      for (const one of encoded.seen) seen.push({ ...one, path: `${path}.${one.path}` });
    }
    return { bytes: Buffer.concat(chunks), seen };
  }

  #part(message: DescMessage, json: JsonValue, path: string): Encoded {
    if (!isObject(json) || Array.isArray(json))
      throw new EnvoyConfigError(`${path}: wanted an object (${message.typeName})`);
    const known = this.#known.get(json);
    if (known !== undefined) return known;
    try {
      const encoded = this.#whole(message.typeName, json as JsonObject);
      this.#known.set(json, encoded);
      return encoded;
    } catch (error) {
      if (!(error instanceof EnvoyConfigError)) throw error;
      throw new EnvoyConfigError(`${path}.${error.message}`, { cause: error });
    }
  }

  #plain(typeName: string, json: JsonObject): Encoded {
    const seen: Seen[] = [];
    const bytes = this.#api.encodeResource(typeName, json, (field, value, path) => {
      if (this.#keep(field)) seen.push({ field, value, path });
    });
    return { bytes, seen };
  }
}

/** One value of a repeated message field, or one entry of a map from strings to messages. */
function framed(field: DescField, key: string, bytes: Uint8Array): Uint8Array {
  const writer = new BinaryWriter().tag(field.number, WireType.LengthDelimited);
  if (field.fieldKind !== 'map') return writer.bytes(bytes).finish();
  if (field.mapKey !== ScalarType.STRING) throw new EnvoyConfigError(`${field.name}: wanted a map from strings`);
  const entry = new BinaryWriter().tag(1, WireType.LengthDelimited).string(key);
  return writer.bytes(entry.tag(2, WireType.LengthDelimited).bytes(bytes).finish()).finish();
}

function isObject(value: JsonValue | undefined): value is JsonObject | JsonValue[] {
  return typeof value === 'object' && value !== null;
}
