// Decides how Envoy's own refusals read: JSON-RPC errors with the request's id, and no word of what is behind.
import { METADATA } from '../../../core/contract.ts';
import { ERRORS, type ErrorCode } from '../../../core/errors.ts';
import { NO_CREDENTIAL } from './credentials.ts';
import { FILTERS } from './type-urls.ts';
import type { EnvoyJson } from './types.ts';

/**
 * By response code details, first match wins. Answers that ext-proc and ext-authz composed come by here too; theirs begin
 * with `chancery_` or are `ext_authz_denied`, match no row, and so are not wrapped again.
 */
const REPLIES: readonly { readonly when: string; readonly code: ErrorCode }[] = [
  { when: 'response.code_details.startsWith("rbac_access_denied")', code: 'bad_origin' },
  {
    when: 'response.code_details.startsWith("ext_proc_error") || response.code_details == "ext_authz_error"',
    code: 'decision_unavailable',
  },
  { when: 'response.code_details == "request_payload_too_large"', code: 'body_too_large' },
  { when: 'response.code_details == "request_overall_timeout"', code: 'body_timeout' },
  // Envoy says 401; but it is not the client who has to authenticate.
  { when: `response.code_details == "${NO_CREDENTIAL}"`, code: 'backend_unavailable' },
  {
    when: 'response.code == 503 && !response.code_details.startsWith("chancery_") && response.code_details != "ext_authz_denied"',
    code: 'backend_unavailable',
  },
];

/** ext-proc leaves the id with what it lets go on. Before that none is known, and Envoy would write a bare hyphen for it. */
const ID_KNOWN = `"${METADATA.namespace}" in metadata.filter_metadata`;
const ID = `%DYNAMIC_METADATA(${METADATA.namespace}:${METADATA.id})%`;

export function localReplies(): EnvoyJson {
  return {
    mappers: REPLIES.flatMap(({ when, code }) => [
      mapper(`(${when}) && ${ID_KNOWN}`, code, ID),
      mapper(when, code, 'null'),
    ]),
  };
}

/** To our own processes, which would take a 401 for the server's. */
export function egressReplies(): EnvoyJson {
  const { http } = ERRORS.backend_unavailable;
  return {
    mappers: [
      {
        filter: celFilter(`response.code_details == "${NO_CREDENTIAL}"`),
        status_code: http,
        body: { inline_string: 'the credential for this server is not there (yet)' },
      },
    ],
  };
}

function celFilter(expression: string): EnvoyJson {
  return {
    extension_filter: {
      name: 'envoy.access_loggers.extension_filters.cel',
      typed_config: { '@type': FILTERS.celFilter, expression },
    },
  };
}

function mapper(expression: string, code: ErrorCode, id: string): EnvoyJson {
  const { http, rpc, message } = ERRORS[code];
  return {
    filter: celFilter(expression),
    status_code: http,
    body_format_override: {
      // Text and not JSON format: the id stays the text that the client wrote, whatever number it is.
      text_format_source: {
        inline_string: `{"jsonrpc":"2.0","id":${id},"error":{"code":${rpc},"message":"${message}"}}`,
      },
      content_type: 'application/json',
    },
  };
}
