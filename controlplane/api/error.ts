// Decides every error of the REST API: its status, its code and its title, in one table (RFC 9457).
import type { DocumentProblem } from '../registry/problem.ts';

export const API_ERRORS = {
  invalid_json: { status: 400, title: 'the body is not valid JSON' },
  duplicate_key: { status: 400, title: 'the body repeats an object key' },
  invalid_request: { status: 400, title: 'the request does not have the shape that is wanted here' },
  invalid_cursor: { status: 400, title: 'this cursor was not given out for this list' },
  unauthenticated: { status: 401, title: 'a valid token is required' },
  forbidden: { status: 403, title: 'another role is needed' },
  not_the_approver: { status: 403, title: 'somebody else has to decide about this call' },
  bad_origin: { status: 403, title: 'this Origin may not call the API' },
  not_found: { status: 404, title: 'there is nothing at this address' },
  method_not_allowed: { status: 405, title: 'the HTTP method is not allowed here' },
  still_in_use: { status: 409, title: 'other documents still need what would be deleted' },
  approval_over: { status: 409, title: 'this approval does not wait for a decision any more' },
  tool_change_over: { status: 409, title: 'this change of a tool does not wait for a decision any more' },
  too_many_keys: { status: 409, title: 'there are as many API keys as may be' },
  precondition_failed: { status: 412, title: 'the document is not the one that the precondition names' },
  body_too_large: { status: 413, title: 'the body is larger than the limit' },
  unsupported_media_type: { status: 415, title: 'the Content-Type must be application/json' },
  unsupported_encoding: { status: 415, title: 'a Content-Encoding is not accepted' },
  bad_host: { status: 421, title: 'the Host header does not name this API' },
  invalid_documents: { status: 422, title: 'nothing was written, as the documents have problems' },
  internal: { status: 500, title: 'internal error' },
  not_implemented: { status: 501, title: 'this registry is read-only here' },
  registry_unavailable: { status: 503, title: 'the registry cannot be used' },
  issuer_unavailable: { status: 503, title: 'the issuer of this token cannot be asked for its keys' },
} as const satisfies Record<string, { readonly status: number; readonly title: string }>;

export type ApiErrorCode = keyof typeof API_ERRORS;

/** A refusal of a request. Everything in it is told to the caller. */
export class ApiError extends Error {
  override name = 'ApiError';
  readonly code: ApiErrorCode;
  readonly detail: string | undefined;
  readonly problems: readonly DocumentProblem[] | undefined;
  readonly headers: Readonly<Record<string, string>>;
  /** RFC 9457 §3.2: members that belong to this problem. */
  readonly more: object;

  constructor(
    code: ApiErrorCode,
    options: {
      readonly detail?: string;
      readonly problems?: readonly DocumentProblem[];
      readonly headers?: Readonly<Record<string, string>>;
      readonly more?: object;
    } = {},
  ) {
    super(API_ERRORS[code].title);
    this.code = code;
    this.detail = options.detail;
    this.problems = options.problems;
    this.headers = options.headers ?? {};
    this.more = options.more ?? {};
  }
}

/**
 * RFC 9457 §3.1: `type` is absent (about:blank) as the `code` member says which problem it is; `problems` is ours: one
 * entry for each fault of each document, `document` being its place in the request.
 */
export function problemResponse({ code, detail, problems, headers, more }: ApiError): Response {
  const { status, title } = API_ERRORS[code];
  const body = {
    title,
    status,
    code,
    ...(detail === undefined ? {} : { detail }),
    ...(problems === undefined ? {} : { problems }),
    ...more,
  };
  return new Response(`${JSON.stringify(body)}\n`, {
    status,
    headers: { ...headers, 'content-type': 'application/problem+json' },
  });
}
