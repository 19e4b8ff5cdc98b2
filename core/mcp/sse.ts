// Decides where one server-sent event ends and what it carries (WHATWG HTML, "Server-sent events", 9.2.6).

export interface SseEvent {
  readonly id: string | null;
  readonly event: string;
  readonly data: string;
  /** Milliseconds; absent when the event does not say. */
  readonly retry?: number;
}

const BOM = 0xfeff;
const LF = 10;
const CR = 13;

/**
 * A push parser: feed it decoded text as it arrives, in any cut; it takes LF, CR and CRLF (Python's servers send CRLF)
 * and data on several lines. Holds at most one event of `eventCharsMax` characters.
 */
export class SseParser {
  readonly #eventCharsMax: number;
  /** The line that has not ended yet. Only joined here, read once when it ends: each character is looked at once. */
  #rest = '';
  #data: string[] = [];
  #chars = 0;
  #event = '';
  #id: string | null = null;
  #retry: number | null = null;
  #first = true;
  /** The last line ended with a CR: an LF that follows belongs to it. */
  #afterCr = false;
  #tooLarge = false;

  constructor(eventCharsMax: number) {
    this.#eventCharsMax = eventCharsMax;
  }

  /** An event exceeds the bound: what came before it was given, and nothing will be given any more. */
  get tooLarge(): boolean {
    return this.#tooLarge;
  }

  /** The events that end in this piece, up to one that is too large. Total. */
  push(text: string): SseEvent[] {
    const events: SseEvent[] = [];
    if (text === '' || this.#tooLarge) return events;
    let start = 0;
    if (this.#first) {
      this.#first = false;
      if (text.charCodeAt(0) === BOM) start = 1;
    }
    for (let i = start; i < text.length; i++) {
      const code = text.charCodeAt(i);
      const secondOfCrLf = code === LF && this.#afterCr;
      this.#afterCr = code === CR;
      if (secondOfCrLf) start = i + 1;
      if (secondOfCrLf || (code !== LF && code !== CR)) continue;
      if (!this.#fits(i - start)) return events;
      const line = this.#rest + text.slice(start, i);
      this.#rest = '';
      this.#line(line, events);
      start = i + 1;
    }
    if (this.#fits(text.length - start)) this.#rest += text.slice(start);
    return events;
  }

  /** Of a line, whether it has ended or not: so its beginning is refused no later than the whole of it. */
  #fits(more: number): boolean {
    if (this.#chars + this.#rest.length + more <= this.#eventCharsMax) return true;
    this.#tooLarge = true;
    this.#rest = '';
    this.#data = [];
    return false;
  }

  #line(line: string, events: SseEvent[]): void {
    if (line === '') {
      // "If the data buffer is an empty string, set the data buffer and the event type buffer to the empty string and return."
      if (this.#data.length > 0) {
        const event = this.#event === '' ? 'message' : this.#event;
        const retry = this.#retry === null ? {} : { retry: this.#retry };
        events.push({ id: this.#id, event, data: this.#data.join('\n'), ...retry });
        this.#retry = null;
      }
      this.#data = [];
      this.#chars = 0;
      this.#event = '';
      return;
    }
    const colon = line.indexOf(':');
    if (colon === 0) return;
    const field = colon < 0 ? line : line.slice(0, colon);
    let value = colon < 0 ? '' : line.slice(colon + 1);
    if (value.startsWith(' ')) value = value.slice(1);
    if (field === 'data') {
      this.#data.push(value);
      // Never more than the line was.
      this.#chars += value.length + 1;
    } else if (field === 'event') this.#event = value;
    else if (field === 'id' && !value.includes('\0')) this.#id = value;
    // "If the field value consists of only ASCII digits, then interpret the field value as an integer in base ten".
    else if (field === 'retry' && /^[0-9]{1,9}$/.test(value)) this.#retry = Number(value);
  }
}
