// Decides which answers of backends are none: to the caller they become errors of ours, without ext-proc seeing an answer.
import { METADATA } from '../../../core/contract.ts';
import { ERRORS, type ErrorCode } from '../../../core/errors.ts';
import { FILTERS } from './type-urls.ts';
import type { EnvoyJson } from './types.ts';

/**
 * Looked at is an answer's head, so what passes is streamed as before: a call that went well costs two comparisons. Not
 * replaced is an error that the server says in JSON with 400 or 500 (and with 404 in the modern era, where it is the method
 * that is unknown); and on a surface with one server, which is transparent, with any other status that speaks of the call.
 * 401, 403, 404, 407 and redirections never pass: to the client they would speak of its own token, session or address.
 * What ext-proc and Envoy say themselves is left alone. In the listener and not in the routes: those are sent often.
 */
export function answersFilter(): EnvoyJson {
  const passes = all(
    JSON_BODY,
    any(status(regex('400|500')), all(MODERN, status({ exact: '404' })), all(TRANSPARENT, OF_THE_CALL)),
  );
  return {
    name: 'envoy.filters.http.custom_response',
    typed_config: {
      '@type': FILTERS.customResponse,
      custom_response_matcher: {
        matcher_list: {
          matchers: [
            { predicate: all(not(MESSAGE), OK, OF_BACKEND), on_match: replaced('backend_malformed') },
            { predicate: all(not(OK), not(passes), OF_BACKEND), on_match: replaced('backend_unavailable') },
          ],
        },
      },
    },
  };
}

function replaced(code: ErrorCode): EnvoyJson {
  const { http, rpc, message } = ERRORS[code];
  const of = (key: string): string => `%DYNAMIC_METADATA(${METADATA.namespace}:${key})%`;
  return {
    action: {
      name: code,
      typed_config: {
        '@type': FILTERS.localResponse,
        status_code: http,
        response_code_details: `chancery_${code}`,
        body_format: {
          // Text: see local-reply.ts. The name of a server has no character that JSON escapes.
          text_format_source: {
            inline_string: `{"jsonrpc":"2.0","id":${of(METADATA.id)},"error":{"code":${rpc},"message":"${message}: ${of(METADATA.server)}"}}`,
          },
        },
        response_headers_to_add: [
          { header: { key: 'content-type', value: 'application/json' }, append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' },
        ],
      },
    },
  };
}

function all(...predicate: readonly EnvoyJson[]): EnvoyJson {
  return { and_matcher: { predicate } };
}

function any(...predicate: readonly EnvoyJson[]): EnvoyJson {
  return { or_matcher: { predicate } };
}

function not(predicate: EnvoyJson): EnvoyJson {
  return { not_matcher: predicate };
}

function status(match: EnvoyJson): EnvoyJson {
  const input = { name: 'status', typed_config: { '@type': FILTERS.statusInput } };
  return { single_predicate: { input, value_match: match } };
}

function regex(text: string): EnvoyJson {
  return { safe_regex: { google_re2: {}, regex: text } };
}

function contentType(prefix: string): EnvoyJson {
  const input = {
    name: 'content-type',
    typed_config: { '@type': FILTERS.responseHeaderInput, header_name: 'content-type' },
  };
  return { single_predicate: { input, value_match: { prefix, ignore_case: true } } };
}

const OK = status({ prefix: '2' });
const JSON_BODY = contentType('application/json');
const MESSAGE = any(JSON_BODY, contentType('text/event-stream'));
/** But 401, 403, 404 and 407. */
const OF_THE_CALL = status(regex('40[025689]|4[1-9][0-9]|5[0-9][0-9]'));

const TRANSPARENT = left(METADATA.transparent);
const MODERN = left(METADATA.modern);

/** What ext-proc left with the call. */
function left(key: string): EnvoyJson {
  return {
    single_predicate: {
      input: {
        name: key,
        typed_config: { '@type': FILTERS.metadataInput, filter: METADATA.namespace, path: [{ key }] },
      },
      custom_match: {
        name: 'present',
        typed_config: { '@type': FILTERS.metadataMatcher, value: { present_match: true } },
      },
    },
  };
}

/** What Envoy says itself (local-reply.ts) names the cause better. In a parsed form, since Envoy takes no text here. */
const OF_BACKEND: EnvoyJson = {
  single_predicate: {
    input: { name: 'details', typed_config: { '@type': FILTERS.celInput } },
    custom_match: {
      name: 'via_upstream',
      typed_config: {
        '@type': FILTERS.celMatcher,
        expr_match: {
          cel_expr_parsed: {
            expr: {
              id: '1',
              call_expr: {
                function: '_==_',
                args: [
                  {
                    id: '2',
                    select_expr: { operand: { id: '3', ident_expr: { name: 'response' } }, field: 'code_details' },
                  },
                  { id: '4', const_expr: { string_value: 'via_upstream' } },
                ],
              },
            },
          },
        },
      },
    },
  },
};
