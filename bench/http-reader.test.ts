// Decides whether messages are told apart however the network cuts them.
import { expect, test } from 'vitest';
import { BOUNDS } from './bounds.ts';
import { HttpReader } from './http-reader.ts';

const POST = 'POST /mcp HTTP/1.1\r\nhost: x\r\n';
const LENGTH = `${POST}content-length: 5\r\n\r\nhello`;
const CHUNKS = `${POST}Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;a=b\r\nlo\r\n0\r\n\r\n`;
const TRAILERS = `${POST}transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nx: y\r\n\r\n`;
const BARE = 'GET / HTTP/1.1\r\nhost: x\r\n\r\n';
const NO_CONTENT = 'HTTP/1.1 204 No Content\r\n\r\n';
const ACCEPTED = 'HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n';

type Found = { readonly start: string; readonly body: string };

function read(kind: 'request' | 'response', pieces: readonly string[]): { found: Found[]; broken: string | null } {
  const found: Found[] = [];
  const reader = new HttpReader(kind, (head, body) => {
    found.push({ start: head.split('\r\n')[0]!, body: body.toString('latin1') });
  });
  // One buffer for all pieces, as a socket with `onread` has it.
  const shared = Buffer.alloc(256 * 1024);
  let broken: string | null = null;
  for (const piece of pieces) {
    const bytes = shared.write(piece, 'latin1');
    broken = reader.push(shared.subarray(0, bytes));
    shared.fill(0);
    if (broken !== null) break;
  }
  return { found, broken };
}

test.each([
  ['a request with a content-length', 'request', LENGTH, ['hello']],
  ['a request in chunks', 'request', CHUNKS, ['hello']],
  ['a request in chunks with trailers', 'request', TRAILERS, ['hello']],
  ['a request without a body', 'request', BARE, ['']],
  ['a response that never has a body', 'response', NO_CONTENT, ['']],
  ['a response with an empty body', 'response', ACCEPTED, ['']],
  ['several requests in a row', 'request', LENGTH + CHUNKS + BARE + LENGTH, ['hello', 'hello', '', 'hello']],
] as const)('%s is read whole, and cut in two at every place, and byte by byte', (_, kind, text, bodies) => {
  for (let cut = 0; cut < text.length; cut += 1) {
    const { found, broken } = read(kind, [text.slice(0, cut), text.slice(cut)]);
    expect(broken).toBeNull();
    expect(found.map(({ body }) => body)).toEqual(bodies);
  }
  expect(read(kind, [...text]).found.map(({ body }) => body)).toEqual(bodies);
});

test('a body that is larger than one read arrives whole', () => {
  const body = 'x'.repeat(100_000) + 'y'.repeat(100_000);
  const text = `${POST}content-length: ${body.length}\r\n\r\n${body}`;
  expect(read('request', [text.slice(0, 65_536), text.slice(65_536)]).found).toEqual([
    { start: 'POST /mcp HTTP/1.1', body },
  ]);
});

test('the next message does not show in the body of the last one', () => {
  const long = `${POST}transfer-encoding: chunked\r\n\r\n9\r\nlong-body\r\n0\r\n\r\n`;
  const short = `${POST}transfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n`;
  expect(read('request', [long, short]).found.map(({ body }) => body)).toEqual(['long-body', 'ok']);
});

test.each([
  [
    'a response that only ends with the connection',
    'response',
    'HTTP/1.1 200 OK\r\n\r\n',
    'neither content-length nor chunks',
  ],
  [
    'a chunk without a size',
    'request',
    `${POST}transfer-encoding: chunked\r\n\r\nzz\r\n`,
    'wanted the size of a chunk',
  ],
  [
    'a chunk that is longer than its size',
    'request',
    `${POST}transfer-encoding: chunked\r\n\r\n2\r\nabc\r\n`,
    'longer than its size',
  ],
  ['a head without an end', 'request', 'x'.repeat(BOUNDS.headBytesMax + 1), 'the head is too long'],
  ['a body over the bound', 'request', `${POST}content-length: 99999999\r\n\r\n`, 'the body is too long'],
  [
    'a chunk over the bound',
    'request',
    `${POST}transfer-encoding: chunked\r\n\r\nffffffff\r\n`,
    'the body is too long',
  ],
] as const)('%s is refused', (_, kind, text, why) => {
  expect(read(kind, [text]).broken).toContain(why);
});
