// Decides how messages look in a stream of events of ours.
import { LIMITS } from '../../core/limits.ts';
import { immediate, type Outcome } from '../outcome.ts';

/** The head of an answer that is a stream of events. */
export const EVENTS = [
  [':status', '200'],
  ['content-type', 'text/event-stream'],
  ['cache-control', 'no-store'],
] as const;

const LINE_END = /\r\n|\r|\n/g;

/** One event. A message that was written on several lines goes on several, which its reader joins again. */
export function eventText(data: string, id: string | null, retry: number | undefined): string {
  const head = `${id === null ? '' : `id: ${id}\n`}${retry === undefined ? '' : `retry: ${retry}\n`}`;
  return `${head}data: ${data.includes('\n') || data.includes('\r') ? data.replace(LINE_END, '\ndata: ') : data}\n\n`;
}

/** An answer that is all there. What was said beside the response can only be said in a stream. */
export function jsonOrEvents(
  status: number,
  texts: readonly string[],
  headers: readonly (readonly [string, string])[],
): Outcome {
  const [only = ''] = texts;
  const json = texts.length === 1;
  if (json && only.length <= LIMITS.streamPieceBytesMax) return immediate(status, only, 'chancery_composed', headers);
  return {
    kind: 'stream',
    headers: json
      ? [[':status', String(status)], ['content-type', 'application/json'], ...headers]
      : [...EVENTS, ...headers],
    open: (sink) => {
      for (const text of texts) sink.write(json ? text : eventText(text, null, undefined));
      sink.end();
      return () => {};
    },
  };
}
