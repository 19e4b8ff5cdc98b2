// Decides what must hold of the parser of server-sent events, for every text in every cut.
import fc, { type Arbitrary } from 'fast-check';
import { type SseEvent, SseParser, SseTooLarge } from '../../core/mcp/sse.ts';
import { SSE_TEXTS } from './corpus.ts';
import { holds, type Property, property, same } from './property.ts';

const CHARS_MAX = 1_000_000;
const SMALL_CHARS_MAX = 64;

interface Stream {
  readonly text: string;
  /** Lengths of the pieces, used in turn. */
  readonly cuts: readonly number[];
}

const line = fc.oneof(
  fc.constantFrom(
    '',
    '',
    'data',
    'data:',
    'data: x',
    'data:{"a":1}',
    'id: 7',
    'id',
    'id: \u0000',
    'event: ping',
    ': c',
    'retry: 5',
    ' data: x',
  ),
  fc
    .tuple(
      fc.constantFrom('data:', 'data: ', 'id: ', 'event: ', ':', ''),
      fc.string({ unit: 'grapheme', maxLength: 20 }),
    )
    .map((parts) => parts.join('')),
  fc.string({
    unit: fc.constantFrom('d', 'data', ':', ' ', '\r', '\n', '\ufeff', '\u0000', '\ud83d', '\u2028'),
    maxLength: 8,
  }),
);
const text = fc
  .tuple(
    fc.constantFrom('', '', '\ufeff'),
    fc.array(fc.tuple(line, fc.constantFrom('\n', '\n', '\r\n', '\r', '\n\n', '\r\n\r\n', '')), { maxLength: 12 }),
  )
  .map(([mark, lines]) => mark + lines.map((parts) => parts.join('')).join(''));
const cuts = fc.array(fc.constantFrom(0, 1, 1, 2, 3, 5, 17, 1_000), { minLength: 1, maxLength: 8 });
const streams: Arbitrary<Stream> = fc.record({ text, cuts });
const corpus: readonly Stream[] = SSE_TEXTS.flatMap((each) =>
  [[1], [2], [1_000], [1_000_000]].map((sizes) => ({ text: each, cuts: sizes })),
);

function* pieces({ text, cuts }: Stream): Generator<string> {
  let at = 0;
  for (let turn = 0; at < text.length; turn++) {
    // Only cuts of nothing would never end.
    const size = cuts[turn % cuts.length]! + (turn > 0 && turn % cuts.length === 0 ? 1 : 0);
    yield text.slice(at, at + size);
    at += size;
  }
}

/** WHATWG HTML 9.2.6 by the letter, over the whole text. */
function reference(text: string): SseEvent[] {
  const lines = text.replace(/^\ufeff/, '').split(/\r\n|\r|\n/);
  // "Once the end of the file is reached, any pending data must be discarded."
  lines.pop();
  const events: SseEvent[] = [];
  let [data, event]: [string, string] = ['', ''];
  let id: string | null = null;
  let retry: number | null = null;
  for (const each of lines) {
    if (each === '') {
      if (data !== '') {
        const wait = retry === null ? {} : { retry };
        events.push({ id, event: event === '' ? 'message' : event, data: data.slice(0, -1), ...wait });
        retry = null;
      }
      [data, event] = ['', ''];
      continue;
    }
    const [, field = '', value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(each) ?? [];
    if (field === 'data') data += `${value}\n`;
    else if (field === 'event') event = value;
    else if (field === 'id' && !value.includes('\u0000')) id = value;
    // "If the field value consists of only ASCII digits"; ours is told with the event that follows, and bounded.
    else if (field === 'retry' && /^[0-9]{1,9}$/.test(value)) retry = Number(value);
  }
  return events;
}

function parses(stream: Stream): void {
  const wanted = reference(stream.text);
  same(new SseParser(CHARS_MAX).push(stream.text), wanted, 'in one piece');
  const parser = new SseParser(CHARS_MAX);
  same(
    [...pieces(stream)].flatMap((piece) => parser.push(piece)),
    wanted,
    'in pieces',
  );
}

function staysBounded(stream: Stream): void {
  const parser = new SseParser(SMALL_CHARS_MAX);
  let endless = 0;
  try {
    for (const piece of pieces(stream)) {
      for (const { data } of parser.push(piece))
        holds(data.length <= SMALL_CHARS_MAX, 'an event is larger than allowed');
      endless = /[\r\n]/.test(piece) ? 0 : endless + piece.length;
      holds(endless <= SMALL_CHARS_MAX + 1, 'a line without an end is held');
    }
  } catch (error) {
    if (!(error instanceof SseTooLarge)) throw error;
  }
}

export const SSE_PROPERTIES: readonly Property[] = [
  property('a stream gives the events of WHATWG HTML, in any cut', 3, { inputs: streams, corpus }, parses),
  property('no event and no line is held that is longer than allowed', 1, { inputs: streams, corpus }, staysBounded),
];
