// Decides how a test reads what ext-proc answers Envoy, and which order of answers the ext_proc protocol allows.
import type { MessageParts } from '../../core/grpc/frames.ts';
import type { GrpcStream } from '../../core/grpc/server.ts';
import { WireReader } from '../../core/grpc/wire.ts';

export type Answer =
  | {
      readonly kind: 'headers';
      readonly set: Readonly<Record<string, string>>;
      readonly remove: readonly string[];
      readonly clearRouteCache: boolean;
      readonly metadata: Metadata;
    }
  | { readonly kind: 'body'; readonly body: string; readonly endOfStream: boolean }
  | { readonly kind: 'trailers' }
  | {
      readonly kind: 'immediate';
      readonly status: number;
      readonly headers: Readonly<Record<string, string>>;
      readonly body: string;
      readonly details: string;
      readonly metadata?: Metadata;
    }
  | {
      readonly kind: 'stream_headers';
      readonly headers: Readonly<Record<string, string>>;
      readonly metadata?: Metadata;
    }
  | { readonly kind: 'stream_body'; readonly body: string; readonly endOfStream: boolean };

/** By namespace. */
type Metadata = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** field number → its values, for messages whose fields are all length-delimited or varints. */
type Fields = ReadonlyMap<number, readonly (Buffer | number)[]>;

function fieldsOf(bytes: Buffer): Fields {
  const reader = new WireReader(bytes);
  const fields = new Map<number, (Buffer | number)[]>();
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    const values = fields.get(tag >>> 3) ?? [];
    values.push((tag & 7) === 2 ? reader.span() : reader.varint());
    fields.set(tag >>> 3, values);
  }
  return fields;
}
const bytesAt = (fields: Fields, field: number): Buffer =>
  (fields.get(field)?.[0] as Buffer | undefined) ?? Buffer.alloc(0);
const at = (fields: Fields, ...path: readonly number[]): Fields =>
  path.reduce((inner, field) => fieldsOf(bytesAt(inner, field)), fields);
const text = (fields: Fields, field: number): string => bytesAt(fields, field).toString();
const flag = (fields: Fields, field: number): boolean => fields.get(field)?.[0] === 1;
const all = (fields: Fields, field: number): Fields[] =>
  (fields.get(field) ?? []).map((value) => fieldsOf(value as Buffer));
const headerOf = (header: Fields): [string, string] => [text(header, 1), text(header, 3)];
const optionsOf = (mutation: Fields): Record<string, string> =>
  Object.fromEntries(all(mutation, 1).map((option) => headerOf(at(option, 1))));
const entries = (struct: Fields): [string, Fields][] => all(struct, 1).map((entry) => [text(entry, 1), at(entry, 2)]);

/** Reads a ProcessingResponse. @throws Error when it is none that we write. */
export function readAnswer(message: Buffer | MessageParts): Answer {
  const response = fieldsOf(Buffer.isBuffer(message) ? message : Buffer.concat(message));
  const metadata: Metadata = Object.fromEntries(
    entries(at(response, 8)).map(([namespace, value]) => [
      namespace,
      Object.fromEntries(entries(at(value, 5)).map(([key, inner]) => [key, text(inner, 3)])),
    ]),
  );
  const left = response.has(8) ? { metadata } : {};
  if (response.has(1)) {
    const common = at(response, 1, 1);
    const mutation = at(common, 2);
    const remove = (mutation.get(2) ?? []).map(String);
    return {
      kind: 'headers',
      set: optionsOf(mutation),
      remove,
      clearRouteCache: flag(common, 5),
      metadata,
    };
  }
  if (response.has(3)) {
    const streamed = at(response, 3, 1, 3, 3);
    return { kind: 'body', body: text(streamed, 1), endOfStream: flag(streamed, 2) };
  }
  if (response.has(5)) return { kind: 'trailers' };
  if (response.has(7)) {
    const answer = at(response, 7);
    const status = at(answer, 1).get(1)?.[0];
    return {
      kind: 'immediate',
      status: Number(status),
      headers: optionsOf(at(answer, 2)),
      body: text(answer, 3),
      details: text(answer, 5),
      ...left,
    };
  }
  const streamed = at(response, 11);
  if (streamed.has(1)) {
    return { kind: 'stream_headers', headers: Object.fromEntries(all(at(streamed, 1, 1), 1).map(headerOf)), ...left };
  }
  if (!streamed.has(2)) throw new Error(`an answer of no known kind: fields ${[...response.keys()]}`);
  return { kind: 'stream_body', body: text(at(streamed, 2), 1), endOfStream: flag(at(streamed, 2), 2) };
}

/** Which answers may come next, by the last one; `null`: the call must be at its end. */
const NEXT: Readonly<Record<string, readonly Answer['kind'][]>> = {
  start: ['headers', 'immediate', 'stream_headers'],
  headers: ['body'],
  body: ['body', 'trailers'],
  stream_headers: ['stream_body'],
  stream_body: ['stream_body'],
  immediate: [],
  trailers: [],
};

export interface FakeStream extends GrpcStream {
  readonly answers: readonly Answer[];
  /** `open`, `ended` with status OK, or `failed`. */
  readonly state: 'open' | 'ended' | 'failed';
  /** Resolves when there are as many answers. */
  answered(count?: number): Promise<readonly Answer[]>;
  pending: number;
}

/** Envoy's side of one call. Every answer is held against the protocol: one that comes too much or too late throws. */
export function fakeStream(headers: Readonly<Record<string, string>> = {}): FakeStream {
  const answers: Answer[] = [];
  let last = 'start';
  let whole = false;
  let state: FakeStream['state'] = 'open';
  let wake = (): void => {};
  const stream: FakeStream = {
    headers,
    answers,
    pending: 0,
    get state() {
      return state;
    },
    get pendingBytes() {
      return stream.pending;
    },
    onDrain: (listener) => queueMicrotask(listener),
    send(...messages) {
      if (state !== 'open') throw new Error('something was sent after the call had ended');
      for (const answer of messages.map(readAnswer)) {
        if (whole && answer.kind !== 'trailers') throw new Error(`${answer.kind} came after the end of the body`);
        if (!NEXT[last]?.includes(answer.kind)) throw new Error(`${answer.kind} came after ${last}`);
        last = answer.kind;
        if ('endOfStream' in answer && answer.endOfStream) whole = true;
        answers.push(answer);
      }
      wake();
    },
    end() {
      if (state === 'open') state = 'ended';
      wake();
    },
    fail() {
      if (state === 'open') state = 'failed';
      wake();
    },
    answered: (count = 1) =>
      new Promise((resolve) => {
        wake = () => {
          if (answers.length >= count) resolve(answers);
        };
        wake();
      }),
  };
  return stream;
}
