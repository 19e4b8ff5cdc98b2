import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { type FileDescriptorProto, FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { expect, test } from 'vitest';
import { DescriptorError, extractDescriptors } from './descriptors.ts';

const file = (name: string, dependency: string[] = [], messages: string[] = ['M']): FileDescriptorProto =>
  create(FileDescriptorProtoSchema, {
    name,
    package: 'p',
    dependency,
    syntax: 'proto3',
    messageType: messages.map((message) => ({ name: message })),
  });
const bytes = (one: FileDescriptorProto): Uint8Array => toBinary(FileDescriptorProtoSchema, one);
const junk = (text: string): Buffer => Buffer.from(`\0${text}\0\xff\xff`, 'latin1');

function extract(...parts: readonly Uint8Array[]): FileDescriptorProto[] {
  const binary = Buffer.concat(parts.flatMap((part) => [part, junk('some.code')]));
  return fromBinary(FileDescriptorSetSchema, extractDescriptors(binary)).file;
}

test('descriptors among other bytes are found, imports first', () => {
  const found = extract(
    junk('a.proto'),
    bytes(file('a/b.proto', ['z.proto'])),
    junk('not a.proto name'),
    bytes(file('z.proto')),
  );
  expect(found.map(({ name }) => name)).toEqual(['z.proto', 'a/b.proto']);
  expect(found).toEqual([file('z.proto'), file('a/b.proto', ['z.proto'])]);
});

test('of two of one name the longer is taken', () => {
  const found = extract(bytes(file('a.proto')), bytes(file('a.proto', [], ['M', 'N'])), bytes(file('a.proto')));
  expect(found).toEqual([file('a.proto', [], ['M', 'N'])]);
});

test('one that ends the binary is found', () => {
  expect(
    fromBinary(FileDescriptorSetSchema, extractDescriptors(Buffer.from(bytes(file('a.proto'))))).file,
  ).toHaveLength(1);
});

test.each<[string, readonly Uint8Array[], RegExp]>([
  ['nothing', [], /no protobuf descriptor found/],
  ['a program without descriptors', [junk('ELF'), junk('x.proto')], /no protobuf descriptor found/],
  [
    'an import that is not there',
    [bytes(file('a.proto', ['gone.proto']))],
    /gone\.proto, which a\.proto imports, is missing/,
  ],
])('%s is refused', (_name, parts, message) => {
  expect(() => extract(...parts)).toThrow(DescriptorError);
  expect(() => extract(...parts)).toThrow(message);
});
