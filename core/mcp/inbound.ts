// Decides once, at the edge, whether a message is one of the legacy or of the modern era: from its headers and its body.
import type { ErrorCode } from '../errors.ts';
import type { JsonObject } from '../json.ts';
import { LIMITS } from '../limits.ts';
import { eraOf } from './era.ts';
import { decodeHeaderValue } from './header-value.ts';
import { type Message, stringAt, stringParam } from './message.ts';
import { NAMED_BY } from './methods.ts';
import { type Span, scan } from './scan.ts';
import { isLegacyVersion, isModernVersion, MODERN_VERSIONS } from './versions.ts';

/** As the request brought them; undefined: not at all. */
export interface StandardHeaders {
  readonly protocolVersion: string | undefined;
  readonly method: string | undefined;
  readonly name: string | undefined;
}

/** `params._meta` of a request of the modern era. Spans are those of the values, in the bytes of the message. */
export interface Envelope {
  readonly protocolVersion: string;
  readonly members: ReadonlyMap<string, Span>;
  readonly clientCapabilities: Span;
  /** Names of the client's capabilities. */
  readonly capabilities: ReadonlySet<string>;
}

export type Inbound =
  | { readonly era: 'legacy' }
  /** A notification may have no envelope of its own. */
  | { readonly era: 'modern'; readonly envelope: Envelope | null }
  | { readonly era: null; readonly code: ErrorCode; readonly detail: string; readonly data?: JsonObject };

export const META = {
  protocolVersion: 'io.modelcontextprotocol/protocolVersion',
  clientCapabilities: 'io.modelcontextprotocol/clientCapabilities',
  clientInfo: 'io.modelcontextprotocol/clientInfo',
  logLevel: 'io.modelcontextprotocol/logLevel',
  serverInfo: 'io.modelcontextprotocol/serverInfo',
  subscriptionId: 'io.modelcontextprotocol/subscriptionId',
} as const;

/** What `MCP-Protocol-Version` says. `other`: no version at all, or a legacy one that was never released. */
type Header = 'absent' | 'legacy' | 'modern' | 'other';
/** What `params._meta` says. `broken`: its version is no text, or the member is no object that can be read. */
type Claim = 'none' | 'version' | 'broken';
type Kind = Message['kind'] | 'initialize';

interface Row {
  readonly kind: readonly Kind[] | '*';
  readonly claim: readonly Claim[] | '*';
  readonly header: readonly Header[] | '*';
  readonly outcome: 'legacy' | 'modern' | 'checked' | ErrorCode;
  readonly because: string;
}

const INVALID = 'invalid_envelope';

/** The first row that fits counts; the last one fits all. */
export const ERA_TABLE: readonly Row[] = [
  {
    kind: ['response'],
    claim: '*',
    header: ['modern'],
    outcome: 'invalid_request',
    because: 'in the modern era servers send no requests, so "clients MUST NOT send JSON-RPC responses"',
  },
  {
    kind: ['response'],
    claim: '*',
    header: '*',
    outcome: 'legacy',
    because: 'a response answers a request of a session',
  },
  {
    kind: ['request', 'initialize'],
    claim: ['version'],
    header: '*',
    outcome: 'checked',
    because: 'only the modern era says its version in each body; with initialize it is a method that this era has not',
  },
  {
    kind: ['notification'],
    claim: ['version'],
    header: '*',
    outcome: 'checked',
    because: 'as a request, but what headers it needs is not defined: those it has must agree',
  },
  {
    kind: ['initialize'],
    claim: '*',
    header: ['modern'],
    outcome: 'header_mismatch',
    because: 'the body opens a session and the header says that there are none',
  },
  {
    kind: ['request'],
    claim: ['none', 'broken'],
    header: ['modern'],
    outcome: INVALID,
    because: 'a legacy body under a modern header: what "each request MUST include" is missing',
  },
  {
    kind: '*',
    claim: ['broken'],
    header: ['modern'],
    outcome: INVALID,
    because: 'it means to be of this era and does not say how',
  },
  {
    kind: ['notification'],
    claim: ['none'],
    header: ['modern'],
    outcome: 'modern',
    because: 'a notification needs no envelope; SDKs tell so that they closed a stream',
  },
  {
    kind: '*',
    claim: '*',
    header: ['other'],
    outcome: 'unsupported_version',
    because: 'without an envelope it is of the legacy era, which knows no code for it',
  },
  {
    kind: '*',
    claim: ['broken'],
    header: '*',
    outcome: INVALID,
    because: 'the member exists in the modern era only, and is wrong there',
  },
  {
    kind: '*',
    claim: '*',
    header: '*',
    outcome: 'legacy',
    because: 'nothing says that it is modern: an absent header means 2025-03-26',
  },
];

/** Total. */
export function classifyInbound(message: Message, headers: StandardHeaders): Inbound {
  const meta = metaOf(message);
  const claimed = meta === 'broken' ? undefined : meta?.get(META.protocolVersion);
  const version = stringAt(message.bytes, claimed);
  const claim: Claim =
    meta === 'broken' || (claimed !== undefined && version === null) ? 'broken' : version === null ? 'none' : 'version';
  const kind: Kind = message.kind === 'request' && message.method === 'initialize' ? 'initialize' : message.kind;
  const header = headerOf(headers.protocolVersion);
  const fits = <T>(wanted: readonly T[] | '*', found: T): boolean => wanted === '*' || wanted.includes(found);
  const row = ERA_TABLE.find((each) => fits(each.kind, kind) && fits(each.claim, claim) && fits(each.header, header))!;
  switch (row.outcome) {
    case 'legacy':
      return { era: 'legacy' };
    case 'modern':
      return methodProblem(message, headers) ?? { era: 'modern', envelope: null };
    case 'checked':
      return checked(message, headers, meta as ReadonlyMap<string, Span>, version!);
    case 'unsupported_version':
      return { era: null, code: row.outcome, detail: quoted(headers.protocolVersion ?? '') };
    case INVALID:
      return invalid(claim === 'broken' ? 'cannot be read' : `has no "${META.protocolVersion}"`);
    default:
      return { era: null, code: row.outcome, detail: row.because };
  }
}

/** "Servers MUST reject requests whose headers and body disagree" (MCP 2026-07-28, transports); -32020 before -32022. */
function checked(
  message: Message,
  headers: StandardHeaders,
  members: ReadonlyMap<string, Span>,
  version: string,
): Inbound {
  const isRequest = message.kind === 'request';
  const capabilities = capabilitiesOf(message, members.get(META.clientCapabilities));
  if (isRequest && capabilities === null) return invalid(`has no object "${META.clientCapabilities}"`);
  const said = trimmed(headers.protocolVersion);
  if (said === undefined ? isRequest : said !== version) return mismatch('MCP-Protocol-Version', said, version);
  if (!isModernVersion(version)) return unsupported(version);
  const problem = methodProblem(message, headers) ?? (isRequest ? nameProblem(message, headers) : null);
  if (problem !== null) return problem;
  const clientCapabilities = members.get(META.clientCapabilities) ?? { start: 0, end: 0 };
  return {
    era: 'modern',
    envelope: { protocolVersion: version, members, clientCapabilities, capabilities: capabilities ?? new Set() },
  };
}

function methodProblem({ kind, method }: Message, headers: StandardHeaders): Inbound | null {
  const said = trimmed(headers.method);
  if (said === undefined ? kind !== 'request' : said === method) return null;
  return mismatch('Mcp-Method', said, method);
}

function nameProblem(message: Message, headers: StandardHeaders): Inbound | null {
  const param = NAMED_BY.get(message.method);
  const named = param === undefined ? null : stringParam(message, param);
  // A name that is missing in the body is for who reads the body to refuse.
  if (named === null || (headers.name !== undefined && decodeHeaderValue(headers.name) === named)) return null;
  return mismatch('Mcp-Name', headers.name, named);
}

function headerOf(value: string | undefined): Header {
  const version = trimmed(value);
  if (version === undefined) return 'absent';
  if (isLegacyVersion(version)) return 'legacy';
  return eraOf(version) === 'modern' ? 'modern' : 'other';
}

function trimmed(value: string | undefined): string | undefined {
  return value?.replace(/^[\t ]+|[\t ]+$/g, '');
}

/** Null: there is none. Read by the scanner: on its keys it rests which rules count. */
function metaOf(message: Message): ReadonlyMap<string, Span> | 'broken' | null {
  const span = message.params?.get('_meta');
  if (span === undefined) return null;
  const members = membersAt(message, span);
  if (members !== null) return members;
  // What is no envelope of the modern era is none of our business.
  return message.bytes.toString('latin1', span.start, span.end).includes(META.protocolVersion) ? 'broken' : null;
}

/** Of an object; null: it is none, or one with a key twice. */
export function membersAt({ bytes }: Pick<Message, 'bytes'>, { start, end }: Span): ReadonlyMap<string, Span> | null {
  const scanned = scan(bytes.subarray(start, end), LIMITS.jsonDepthMax);
  if (typeof scanned === 'string') return null;
  return new Map([...scanned.members].map(([key, at]) => [key, { start: start + at.start, end: start + at.end }]));
}

function capabilitiesOf(message: Message, span: Span | undefined): ReadonlySet<string> | null {
  const members = span === undefined ? null : membersAt(message, span);
  return members === null ? null : new Set(members.keys());
}

function mismatch(header: string, found: string | undefined, wanted: string): Inbound {
  const said = found === undefined ? 'is missing' : `says ${quoted(found)}`;
  return { era: null, code: 'header_mismatch', detail: `${header} ${said}, the body ${quoted(wanted)}` };
}

function unsupported(requested: string): Inbound {
  const data = { supported: [...MODERN_VERSIONS], requested: clip(requested) };
  return { era: null, code: 'unsupported_protocol_version', detail: quoted(requested), data };
}

function invalid(problem: string): Inbound {
  return { era: null, code: INVALID, detail: `params._meta ${problem}` };
}

function quoted(text: string): string {
  return JSON.stringify(clip(text));
}

function clip(text: string): string {
  return text.slice(0, LIMITS.echoedCharsMax);
}
