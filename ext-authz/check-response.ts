// Decides how a ruling is told to Envoy; field numbers as in Envoy 1.40's descriptors (envoy.service.auth.v3).
import { Field, MapField, Root, Type } from 'protobufjs';
import type { AUTHZ_METADATA } from '../core/contract.ts';
import { ERRORS } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import { errorText, toolErrorText } from '../core/mcp/json-rpc.ts';
import type { Header } from './admit.ts';
import type { Allowed, Refused, Ruling } from './check.ts';

/** google.rpc.Code. Envoy only asks whether it is OK; the answer itself is in `denied_response`. */
const RPC_OK = 0;
const RPC_PERMISSION_DENIED = 7;
/** envoy.config.core.v3.HeaderValueOption.HeaderAppendAction */
const OVERWRITE_IF_EXISTS_OR_ADD = 2;

const ROOT = new Root().define('ext_authz');
const CHECK_RESPONSE = new Type('CheckResponse')
  .add(new Field('status', 1, 'Status'))
  .add(new Field('deniedResponse', 2, 'DeniedHttpResponse'))
  .add(new Field('okResponse', 3, 'OkHttpResponse'))
  .add(new Field('dynamicMetadata', 4, 'Struct'));
ROOT.add(CHECK_RESPONSE)
  .add(new Type('Status').add(new Field('code', 1, 'int32')))
  .add(new Type('OkHttpResponse'))
  .add(
    new Type('DeniedHttpResponse')
      .add(new Field('status', 1, 'HttpStatus'))
      .add(new Field('headers', 2, 'HeaderValueOption', 'repeated'))
      .add(new Field('body', 3, 'string')),
  )
  .add(new Type('HttpStatus').add(new Field('code', 1, 'int32')))
  .add(
    new Type('HeaderValueOption').add(new Field('header', 1, 'HeaderValue')).add(new Field('appendAction', 3, 'int32')),
  )
  .add(new Type('HeaderValue').add(new Field('key', 1, 'string')).add(new Field('value', 2, 'string')))
  .add(new Type('Struct').add(new MapField('fields', 1, 'string', 'Value')))
  .add(new Type('Value').add(new Field('stringValue', 3, 'string')));

/** CheckResponse as Envoy reads it. */
export interface CheckResponse {
  readonly status: { readonly code: number };
  readonly okResponse?: Readonly<Record<string, never>>;
  readonly deniedResponse?: {
    readonly status: { readonly code: number };
    readonly headers: readonly {
      readonly header: { readonly key: string; readonly value: string };
      readonly appendAction: number;
    }[];
    readonly body: string;
  };
  readonly dynamicMetadata?: { readonly fields: Readonly<Record<string, { readonly stringValue: string }>> };
}

/** Never `error_response`: with `failure_mode_allow` in somebody's filter that would let the request pass. */
export function responseTo(ruling: Ruling): CheckResponse {
  return ruling.allowed ? allowed(ruling) : refused(ruling);
}

type Metadata = Record<(typeof AUTHZ_METADATA)[keyof typeof AUTHZ_METADATA], string>;

function allowed({ surface, principal, bodySha256, revision, decisionId, messages }: Allowed): CheckResponse {
  const values: Omit<Metadata, 'refused_messages'> & Partial<Metadata> = {
    surface,
    issuer: principal.issuer,
    subject: principal.subject,
    body_sha256: bodySha256,
    revision: String(revision),
    decision_id: decisionId,
    ...(messages !== undefined && { refused_messages: JSON.stringify(messages.flatMap(refusedMessage)) }),
  };
  const fields = Object.fromEntries(Object.entries(values).map(([key, stringValue]) => [key, { stringValue }]));
  return { status: { code: RPC_OK }, okResponse: {}, dynamicMetadata: { fields } };
}

/** As AUTHZ_METADATA.refused has it. */
function refusedMessage(ruling: Ruling, index: number): readonly (number | string)[][] {
  if (ruling.allowed) return [];
  const { code, detail } = ruling;
  return [detail === undefined ? [index, code] : [index, code, detail.slice(0, LIMITS.echoedCharsMax)]];
}

function refused({ code, detail, data, idText, headers, silent, toolError }: Refused): CheckResponse {
  // "If the server accepts the input, it MUST return HTTP status code 202 Accepted with no body." (2025-11-25, transports)
  if (silent) return denied(202, headers, '');
  const json: Header = ['content-type', 'application/json'];
  if (toolError !== undefined)
    return denied(200, [json, ...headers], toolErrorText(idText, toolError.era, toolError.text));
  const row = ERRORS[code];
  const message = detail === undefined ? row.message : `${row.message}: ${detail.slice(0, LIMITS.echoedCharsMax)}`;
  return denied(row.http, [json, ...headers], errorText(idText, row.rpc, message, data));
}

function denied(status: number, headers: readonly Header[], body: string): CheckResponse {
  return {
    status: { code: RPC_PERMISSION_DENIED },
    deniedResponse: {
      status: { code: status },
      headers: headers.map(([key, value]) => ({ header: { key, value }, appendAction: OVERWRITE_IF_EXISTS_OR_ADD })),
      body,
    },
  };
}

export function encodeCheckResponse(response: CheckResponse): Buffer {
  return Buffer.from(CHECK_RESPONSE.encode(CHECK_RESPONSE.fromObject(response)).finish());
}

/** What Envoy would read; for tests and probes. */
export function decodeCheckResponse(bytes: Buffer): CheckResponse {
  return CHECK_RESPONSE.toObject(CHECK_RESPONSE.decode(bytes)) as CheckResponse;
}
