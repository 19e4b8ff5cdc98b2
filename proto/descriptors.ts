// Decides which protobuf file descriptors an Envoy binary carries.
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { type FileDescriptorProto, FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';

/** Generated C++ embeds each FileDescriptorProto whole; it begins with `name` (tag 0x0a, a one-byte length, the path). */
const SUFFIX = Buffer.from('.proto');
const PATH = /^[\w./-]+\.proto$/;
const NAME_TAG = 0x0a;
const NAME_BYTES_MAX = 127;

/** Fields of FileDescriptorProto, ascending as they are serialised; 10 and 11 (public and weak imports) may stand anywhere. */
const FIELD_FIRST = 2;
const FIELD_LAST = 14;
const FIELDS_ANYWHERE: readonly number[] = [10, 11];

/** A binary that is not an Envoy, or one whose descriptors are not complete. */
export class DescriptorError extends Error {
  override name = 'DescriptorError';
}

/**
 * The FileDescriptorSet of all files in the binary, imports before importers, serialised.
 * @throws DescriptorError when there is none, or when one imports a file that is not there.
 */
export function extractDescriptors(binary: Buffer): Uint8Array {
  const longest = new Map<string, { readonly file: FileDescriptorProto; readonly bytes: number }>();
  for (let at = binary.indexOf(SUFFIX); at >= 0; at = binary.indexOf(SUFFIX, at + SUFFIX.length)) {
    const start = nameStart(binary, at + SUFFIX.length);
    if (start < 0) continue;
    const bytes = binary.subarray(start, fieldsEnd(binary, at + SUFFIX.length));
    const file = parseFile(bytes);
    if (file === null) continue;
    const before = longest.get(file.name);
    if (before === undefined || before.bytes < bytes.length) longest.set(file.name, { file, bytes: bytes.length });
  }
  if (longest.size === 0) throw new DescriptorError('no protobuf descriptor found; wanted an Envoy binary');
  const files = sortByImport(new Map([...longest].map(([name, { file }]) => [name, file])));
  return toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file: files }));
}

/** Where the `name` field begins whose text ends at `end`; -1 when these bytes are no such field. */
function nameStart(binary: Buffer, end: number): number {
  for (let length = SUFFIX.length + 1; length <= NAME_BYTES_MAX; length += 1) {
    const text = end - length;
    if (text < 2) return -1;
    if (binary[text - 1] === length && binary[text - 2] === NAME_TAG) {
      return PATH.test(binary.toString('latin1', text, end)) ? text - 2 : -1;
    }
  }
  return -1;
}

/** Walks the fields after the name until their order breaks: there the message ends. */
function fieldsEnd(binary: Buffer, start: number): number {
  let end = start;
  let last = FIELD_FIRST;
  while (end < binary.length) {
    const tag = readVarint(binary, end);
    if (tag === null) return end;
    const field = Math.floor(tag.value / 8);
    const anywhere = FIELDS_ANYWHERE.includes(field);
    if (field < FIELD_FIRST || field > FIELD_LAST || (field < last && !anywhere)) return end;
    const next = skipValue(binary, tag.next, tag.value % 8);
    if (next === null) return end;
    if (!anywhere) last = field;
    end = next;
  }
  return end;
}

function skipValue(binary: Buffer, at: number, wireType: number): number | null {
  if (wireType !== 0 && wireType !== 2) return null;
  const read = readVarint(binary, at);
  if (read === null || wireType === 0) return read?.next ?? null;
  const next = read.next + read.value;
  return next <= binary.length ? next : null;
}

function readVarint(binary: Buffer, at: number): { readonly value: number; readonly next: number } | null {
  let value = 0;
  for (let index = 0; index < 5; index += 1) {
    const byte = binary[at + index];
    if (byte === undefined) return null;
    value += (byte % 128) * 2 ** (7 * index);
    if (byte < 128) return { value, next: at + index + 1 };
  }
  return null;
}

function parseFile(bytes: Uint8Array): FileDescriptorProto | null {
  try {
    return fromBinary(FileDescriptorProtoSchema, bytes);
  } catch {
    return null;
  }
}

function sortByImport(files: ReadonlyMap<string, FileDescriptorProto>): FileDescriptorProto[] {
  const sorted = new Map<string, FileDescriptorProto>();
  const visit = (name: string, importer: string): void => {
    if (sorted.has(name)) return;
    const file = files.get(name);
    if (file === undefined)
      throw new DescriptorError(`the descriptor of ${name}, which ${importer} imports, is missing`);
    for (const dependency of file.dependency) visit(dependency, name);
    sorted.set(name, file);
  };
  for (const name of [...files.keys()].sort()) visit(name, name);
  return [...sorted.values()];
}
