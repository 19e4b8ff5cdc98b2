// Decides how a command asks the REST API, and the one sentence that a person reads when it cannot.
import { z } from 'zod';
import { LIMITS } from '../core/limits.ts';
import { type ApiAddress, apiAddress } from './api-address.ts';
import type { CliContext } from './context.ts';

const REASON_HEADER = 'chancery-reason';

const problemSchema = z.object({
  title: z.string(),
  detail: z.string().optional(),
  problems: z
    .array(z.object({ document: z.number(), path: z.array(z.union([z.string(), z.number()])), message: z.string() }))
    .optional(),
});

export type DocumentProblem = NonNullable<z.output<typeof problemSchema>['problems']>[number];

export interface ApiFailure {
  readonly ok: false;
  /** null: there was no answer. */
  readonly status: number | null;
  readonly sentence: string;
  readonly problems: readonly DocumentProblem[];
}

export type ApiAnswer =
  | {
      readonly ok: true;
      readonly status: number;
      /** Of JSON; undefined when there is none. */
      readonly body: unknown;
      readonly text: string;
      readonly etag: string | null;
    }
  | ApiFailure;

export interface ApiQuestion {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Begins with a slash; its parts are encoded. */
  readonly path: string;
  readonly query?: readonly (readonly [string, string])[];
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** In the caller's own words, for the change log. */
  readonly why?: string | undefined;
  /** Absent: JSON. */
  readonly wanted?: 'yaml';
}

/** Total: whatever goes wrong is a sentence that says what to do. */
export async function askApi(
  { method = 'GET', path, query = [], body, headers = {}, why = '', wanted }: ApiQuestion,
  context: Pick<CliContext, 'settings' | 'env'>,
): Promise<ApiAnswer> {
  const address = apiAddress(context);
  if ('problem' in address) return refused(null, address.problem);
  if (/\p{Cc}/u.test(why)) return refused(null, 'a reason is one line of text without control characters');
  const { base, token } = address;
  const search =
    query.length === 0 ? '' : `?${new URLSearchParams(query.map(([key, value]): [string, string] => [key, value]))}`;
  let response: Response;
  let text: string;
  try {
    response = await fetch(`${base}${path}${search}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        // A header is bytes, and a character of a header one byte (RFC 9110, section 5.5).
        ...(why === '' ? {} : { [REASON_HEADER]: Buffer.from(why).toString('latin1') }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(LIMITS.apiAnswerDeadlineMs),
      // Another address would be given the token.
      redirect: 'error',
    });
    text = await readText(response);
  } catch (error) {
    const cause = causeOf(error);
    const doubt = method !== 'GET' && cause !== '' ? '; whether it wrote anything is not known' : '';
    return refused(null, `the REST API does not answer at ${base}${cause}${doubt}: ${address.otherAddress}`);
  }
  return read(response, text, wanted, address);
}

function read(
  { status, ok, headers }: Response,
  text: string,
  wanted: ApiQuestion['wanted'],
  { base, tokenFrom, otherAddress, otherToken }: ApiAddress,
): ApiAnswer {
  const body = readJson(text);
  const fits = wanted === 'yaml' ? /^application\/yaml\b/.test(headers.get('content-type') ?? '') : body !== undefined;
  if (ok && (fits || status === 204)) return { ok: true, status, body, text, etag: headers.get('etag') };
  if (status === 401)
    return refused(status, `the REST API at ${base} does not take the token in ${tokenFrom}: ${otherToken}`);
  const problem = problemSchema.safeParse(body);
  if (!problem.success)
    return refused(status, `what answers at ${base} (HTTP ${status}) is not Chancery's REST API: ${otherAddress}`);
  const { title, detail, problems = [] } = problem.data;
  // "No server is named …" says all that "there is nothing at this address" does.
  return refused(status, detail === undefined ? title : status === 404 ? detail : `${title}: ${detail}`, problems);
}

function refused(status: number | null, sentence: string, problems: readonly DocumentProblem[] = []): ApiFailure {
  return { ok: false, status, sentence, problems };
}

async function readText(response: Response): Promise<string> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of response.body ?? []) {
    bytes += piece.length;
    if (bytes > LIMITS.cliAnswerBytesMax) throw new Error('the answer is too long');
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}

/** ` (CERT_HAS_EXPIRED)`: of a connection that failed otherwise than by nobody listening, why. */
function causeOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  const { code, name } = cause as { readonly code?: unknown; readonly name?: unknown };
  if (name === 'TimeoutError') return ` within ${LIMITS.apiAnswerDeadlineMs / 1000} s`;
  return typeof code === 'string' && code !== 'ECONNREFUSED' ? ` (${code})` : '';
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
