// Decides what must hold of the codecs between Envoy and ext-proc, for every byte that might arrive.
import fc, { type Arbitrary } from 'fast-check';
import { decodeProcessingRequest } from '../../core/grpc/ext-proc.ts';
import { FrameReader, frames } from '../../core/grpc/frames.ts';
import { WireReader, WireWriter } from '../../core/grpc/wire.ts';
import { PROTOBUF_BYTES } from './corpus.ts';
import { bytes, mutated } from './json-inputs.ts';
import { holds, type Property, property, same } from './property.ts';

const FRAME_BYTES_MAX = 4_096;
const VARINT_CONTINUED_MAX = 9;
const FRAME_HEAD_BYTES = 5;

interface Headers {
  readonly pairs: readonly (readonly [string, string])[];
  readonly end: boolean;
}

const word = fc.string({ unit: 'grapheme', maxLength: 10 });
const headers: Arbitrary<Headers> = fc.record({
  pairs: fc.array(fc.tuple(word, word), { maxLength: 6 }),
  end: fc.boolean(),
});

/** ProcessingRequest { request_headers(2): { headers(1): { headers(1): { key(1), raw_value(3) } }, end_of_stream(3) } } */
function encodeHeaders({ pairs, end }: Headers): Buffer {
  const writer = new WireWriter();
  const request = writer.mark();
  if (end) writer.varint(3, 1);
  const map = writer.mark();
  for (const [name, value] of [...pairs].reverse()) {
    const pair = writer.mark();
    writer.text(3, value);
    writer.text(1, name);
    writer.nest(1, pair);
  }
  writer.nest(1, map);
  writer.nest(2, request);
  return writer.finish();
}

function readsHeaders(input: Headers): void {
  const wanted = new Map<string, string>();
  for (const [name, value] of input.pairs) {
    const before = wanted.get(name);
    wanted.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  const found = decodeProcessingRequest(encodeHeaders(input));
  same(found, { kind: 'request_headers', headers: wanted, endOfStream: input.end, metadata: new Map() }, 'the headers');
}

/** What it does not take it names; any other error is one of ours. */
function decodesOrRefuses(input: Buffer): void {
  try {
    decodeProcessingRequest(input);
  } catch (error) {
    holds(error instanceof Error && error.message.startsWith('malformed protobuf message'), `threw ${String(error)}`);
  }
}

function refused(input: Buffer): boolean {
  try {
    decodeProcessingRequest(input);
    return false;
  } catch {
    return true;
  }
}

interface Broken {
  readonly headers: Headers;
  /** Where the message ends too early. */
  readonly place: number;
  /** Bytes of a number that say that another follows. */
  readonly continued: number;
}

const broken: Arbitrary<Broken> = fc.record({ headers, place: fc.nat(), continued: fc.nat(30) });

function refusesBroken({ headers, place, continued }: Broken): void {
  const whole = encodeHeaders(headers);
  const cut = whole.subarray(0, 1 + (place % (whole.length - 1)));
  holds(refused(cut), 'a message that ends in its only field is taken');
  const number = Buffer.from([0x08, ...Array<number>(continued).fill(0xff), 0x01]);
  same(refused(Buffer.concat([number, whole])), continued > VARINT_CONTINUED_MAX, 'a number of more than ten bytes');
}

const nestedRequests = fc
  .array(fc.tuple(fc.constantFrom(0x0a, 0x12, 0x1a, 0x22, 0x32, 0x42, 0x08, 0x18), bytes(8)), { maxLength: 5 })
  .map((parts) =>
    parts.reduce<Buffer>((inner, [tag, more]) => {
      const body = Buffer.concat([inner, more]);
      return Buffer.concat([Buffer.of(tag, body.length & 0x7f), body]);
    }, Buffer.alloc(0)),
  );

interface Frames {
  readonly messages: readonly Buffer[];
  readonly cuts: readonly number[];
}

const cuts = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 6 });
const framed: Arbitrary<Frames> = fc.record({
  messages: fc.array(bytes(50), { maxLength: 6 }),
  cuts,
});

function inPieces(all: Buffer, cuts: readonly number[], push: (piece: Buffer) => void): void {
  let at = 0;
  for (let turn = 0; at < all.length; turn++) {
    const size = cuts[turn % cuts.length]!;
    push(all.subarray(at, at + size));
    at += size;
  }
}

function givesMessages({ messages, cuts }: Frames): void {
  const found: string[] = [];
  const reader = new FrameReader(FRAME_BYTES_MAX, (message) => void found.push(message.toString('hex')));
  inPieces(Buffer.concat(frames(messages.map((message) => [message]))), cuts, (piece) => reader.push(piece));
  same(
    found,
    messages.map((message) => message.toString('hex')),
    'the messages',
  );
}

/** What a peer that means no good calls a frame. */
const rubbish: Arbitrary<Frames> = fc.record({
  messages: fc.array(
    fc
      .tuple(fc.constantFrom(0, 0, 0, 1, 255), fc.oneof(fc.nat(20), fc.nat(2 ** 32 - 1)), bytes(20))
      .map(([flag, length, body]) => {
        const head = Buffer.of(flag, 0, 0, 0, 0);
        head.writeUInt32BE(length, 1);
        return Buffer.concat([head, body]);
      }),
    { maxLength: 4 },
  ),
  cuts,
});

function isRefused(all: Buffer): boolean {
  for (let at = 0; all.length - at >= FRAME_HEAD_BYTES; ) {
    const length = all.readUInt32BE(at + 1);
    if (all[at] !== 0 || length > FRAME_BYTES_MAX) return true;
    at += FRAME_HEAD_BYTES + length;
  }
  return false;
}

function framesOrRefuses({ messages, cuts }: Frames): void {
  const all = Buffer.concat(messages);
  const reader = new FrameReader(FRAME_BYTES_MAX, (message) => holds(message.length <= FRAME_BYTES_MAX, 'too large'));
  let told = false;
  try {
    inPieces(all, cuts, (piece) => reader.push(piece));
  } catch (error) {
    told =
      error instanceof Error && /^a (compressed message was found|message of \d+ bytes exceeds)/.test(error.message);
    holds(told, `threw ${String(error)}`);
  }
  same(told, isRefused(all), 'refused');
}

export const GRPC_PROPERTIES: readonly Property[] = [
  property('the headers of a request are read as Envoy wrote them', 1, { inputs: headers }, readsHeaders),
  property(
    'bytes are a request or a malformed message, nothing else',
    2,
    {
      inputs: fc.oneof(bytes(60), nestedRequests, mutated(nestedRequests), mutated(headers.map(encodeHeaders))),
      corpus: PROTOBUF_BYTES,
    },
    decodesOrRefuses,
  ),
  property('a message that is cut, or has a number without an end, is refused', 1, { inputs: broken }, refusesBroken),
  property(
    'a number is read as it was written',
    1,
    { inputs: fc.oneof(fc.maxSafeNat(), fc.nat()), corpus: [0, 127, 128, 2 ** 31, 2 ** 32, 2 ** 53 - 1] },
    (value) => {
      const writer = new WireWriter();
      writer.varint(1, value);
      const reader = new WireReader(writer.finish());
      same([reader.tag(), reader.varint(), reader.tag()], [8, value, 0], 'the number');
    },
  ),
  property('messages come out of frames as they went in, in any cut', 1, { inputs: framed }, givesMessages),
  property('bytes are frames, or are refused by name', 1, { inputs: rubbish }, framesOrRefuses),
];
