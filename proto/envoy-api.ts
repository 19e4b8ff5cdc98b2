// Decides how Envoy's configuration is read and written: by the descriptors of the very binary that will run.
import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  createFileRegistry,
  type DescMessage,
  type FileRegistry,
  fromBinary,
  fromJson,
  type JsonValue,
  toBinary,
  toJson,
} from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { DescriptorError, extractDescriptors } from './descriptors.ts';
import { type VisitField, walkJson } from './json-walk.ts';

/** A configuration that is not what this Envoy's descriptors allow. The message has the path. */
export class EnvoyConfigError extends Error {
  override name = 'EnvoyConfigError';
}

export interface EnvoyApi {
  readonly registry: FileRegistry;
  /**
   * Serialises a resource given as Envoy's documentation writes it (snake_case, `@type` in Any). Unknown fields are
   * refused. `visit` is shown every field that is set, those inside Any included.
   * @throws EnvoyConfigError
   */
  encodeResource(typeUrl: string, json: JsonValue, visit?: VisitField): Uint8Array;
  /** Serialises a JSON with `@type`. @throws EnvoyConfigError */
  toAny(json: { readonly '@type': string; readonly [member: string]: JsonValue }): {
    readonly typeUrl: string;
    readonly value: Uint8Array;
  };
  /** The JSON (snake_case) of a serialised message. @throws EnvoyConfigError */
  decode(typeUrl: string, bytes: Uint8Array): JsonValue;
}

/**
 * Opens the API of an Envoy binary. The descriptors are extracted once for each size and modification time of the
 * binary, into `envoy-descriptors-*.binpb` in `cacheDir`; a cache that cannot be read is extracted again.
 * @throws DescriptorError when the binary cannot be read, or carries no complete set of descriptors.
 */
export function openEnvoyApi(binaryPath: string, cacheDir: string): EnvoyApi {
  const cachePath = join(cacheDir, cacheName(binaryPath));
  const cached = readRegistry(cachePath);
  if (cached !== null) return createApi(cached);
  const bytes = extractDescriptors(readFileSync(binaryPath));
  mkdirSync(cacheDir, { recursive: true });
  // Beside it and renamed, so that another process never reads half of it.
  const partial = `${cachePath}.${process.pid}`;
  writeFileSync(partial, bytes);
  renameSync(partial, cachePath);
  return createApi(createFileRegistry(fromBinary(FileDescriptorSetSchema, bytes)));
}

function cacheName(binaryPath: string): string {
  try {
    const { size, mtimeMs } = statSync(binaryPath);
    return `envoy-descriptors-${size}-${Math.floor(mtimeMs)}.binpb`;
  } catch (cause) {
    throw new DescriptorError(`the Envoy binary ${binaryPath} cannot be read`, { cause });
  }
}

function readRegistry(cachePath: string): FileRegistry | null {
  try {
    const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(cachePath)));
    return registry.getMessage('envoy.config.cluster.v3.Cluster') === undefined ? null : registry;
  } catch {
    return null;
  }
}

function createApi(registry: FileRegistry): EnvoyApi {
  const messageOf = (typeUrl: string): DescMessage => {
    const message = registry.getMessage(typeUrl.slice(typeUrl.lastIndexOf('/') + 1));
    if (message === undefined)
      throw new EnvoyConfigError(`the type ${JSON.stringify(typeUrl)} is not known to this Envoy`);
    return message;
  };
  const encode = (message: DescMessage, json: JsonValue, visit: VisitField = () => {}): Uint8Array => {
    const problem = walkJson(registry, message, json, visit);
    if (problem !== null) throw new EnvoyConfigError(problem);
    try {
      return toBinary(message, fromJson(message, json, { registry }));
    } catch (cause) {
      throw new EnvoyConfigError(explain(registry, message, json) ?? (cause as Error).message, { cause });
    }
  };
  return {
    registry,
    encodeResource: (typeUrl, json, visit) => encode(messageOf(typeUrl), json, visit),
    toAny: ({ '@type': typeUrl, ...json }) => ({ typeUrl, value: encode(messageOf(typeUrl), json) }),
    decode: (typeUrl, bytes) => {
      const message = messageOf(typeUrl);
      try {
        return toJson(message, fromBinary(message, bytes), { registry, useProtoFieldName: true });
      } catch (cause) {
        throw new EnvoyConfigError(`these bytes are no ${message.typeName}: ${(cause as Error).message}`, { cause });
      }
    },
  };
}

/** protobuf-es names the message that it could not read, not where it lies: decode each value alone to find it. */
function explain(registry: FileRegistry, message: DescMessage, json: JsonValue): string | null {
  const problems: string[] = [];
  walkJson(registry, message, json, (field, value, path) => {
    try {
      fromJson(field.parent, { [field.name]: value }, { registry });
    } catch (error) {
      problems.push(`${path}: ${(error as Error).message}`);
    }
  });
  // The innermost one: an outer field fails because of what is in it.
  return problems.at(-1) ?? null;
}
