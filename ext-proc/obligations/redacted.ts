// Decides what of an answer its caller gets when a rule withholds parts of it, and how large the answer was.
import { ERRORS } from '../../core/errors.ts';
import { errorText } from '../../core/mcp/json-rpc.ts';
import { type Paths, redact } from '../../core/mcp/redact.ts';
import { parseRedactPath } from '../../core/policy/redact-path.ts';
import { type Outcome, refuse } from '../outcome.ts';
import type { StreamSink } from '../streams/table.ts';

export interface Redaction {
  /** As a rule writes them. */
  readonly paths: readonly string[];
  readonly onBytes: (bytes: number) => void;
  /** Something could not be told, and is withheld whole. */
  readonly onUnreadable: () => void;
  /** Of the call. */
  readonly idText: string;
}

/**
 * The one place through which every answer of such a call goes, whichever lane made it: what is not looked at here does not
 * leave. An answer that Envoy would carry past us is refused.
 */
export function redacted(outcome: Outcome, redaction: Redaction): Outcome {
  const paths = redaction.paths.map((text) => parseRedactPath(text) ?? []);
  switch (outcome.kind) {
    case 'relay':
      return refuse(
        { code: 'internal', reason: 'an answer that has to be redacted was not composed' },
        redaction.idText,
      );
    case 'pending':
      return {
        kind: 'pending',
        start: (settle) => outcome.start((settled) => settle(redacted(settled, redaction))),
      };
    case 'immediate': {
      const body = outcome.answer.body.toString();
      if (body === '') return outcome;
      redaction.onBytes(Buffer.byteLength(body));
      return { ...outcome, answer: { ...outcome.answer, body: textFor(body, paths, redaction) } };
    }
    case 'stream': {
      const type = outcome.headers.find(([name]) => name === 'content-type')?.[1] ?? '';
      const events = type.startsWith('text/event-stream');
      return { ...outcome, open: (sink) => outcome.open(sinkFor(sink, paths, redaction, events)) };
    }
  }
}

/** A JSON text; or a refusal of it. */
function textFor(json: string, paths: Paths, { onUnreadable, idText }: Redaction): string {
  const text = paths.length === 0 ? json : redact(json, paths);
  if (text !== null) return text;
  onUnreadable();
  const { rpc, message } = ERRORS.backend_malformed;
  return errorText(idText, rpc, message);
}

/** Buffers what is not whole yet: an event, or, of an answer that is one JSON text, all of it. */
function sinkFor(sink: StreamSink, paths: Paths, redaction: Redaction, events: boolean): StreamSink {
  let waiting = '';
  const flush = (text: string): void => {
    if (text !== '') sink.write(text);
  };
  return {
    write(text) {
      redaction.onBytes(Buffer.byteLength(text));
      waiting += text;
      if (!events) return;
      const end = waiting.lastIndexOf('\n\n');
      if (end < 0) return;
      const whole = waiting.slice(0, end + 2);
      waiting = waiting.slice(end + 2);
      flush(
        whole
          .split('\n\n')
          .map((event) => eventFor(event, paths, redaction))
          .join('\n\n'),
      );
    },
    end() {
      if (waiting !== '') flush(events ? eventFor(waiting, paths, redaction) : textFor(waiting, paths, redaction));
      waiting = '';
      sink.end();
    },
    pendingBytes: () => sink.pendingBytes(),
    ...(sink.onDrain === undefined ? {} : { onDrain: (listener) => sink.onDrain?.(listener) }),
  };
}

const DATA = /^data: ?/;

/** One event of ours (see eventText), without the empty line behind it. */
function eventFor(event: string, paths: Paths, redaction: Redaction): string {
  const lines = event.split('\n');
  const data = lines.filter((line) => DATA.test(line)).map((line) => line.replace(DATA, ''));
  // A comment, or the id with which a client begins.
  if (data.join('') === '') return event;
  const text = textFor(data.join('\n'), paths, redaction);
  const others = lines.filter((line) => !DATA.test(line)).map((line) => `${line}\n`);
  return `${others.join('')}data: ${text.replaceAll('\n', '\ndata: ')}`;
}
