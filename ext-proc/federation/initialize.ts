// Decides the answer to `initialize`: sessions on all backends at once, one sealed token, the union of what they can do.
import { HEADERS } from '../../core/contract.ts';
import { ChanceryError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import { LIMITS } from '../../core/limits.ts';
import { isModernOnly } from '../../core/mcp/era.ts';
import { resultText } from '../../core/mcp/json-rpc.ts';
import { jsonParam, type Message, stringParam } from '../../core/mcp/message.ts';
import { negotiate } from '../../core/mcp/versions.ts';
import type { SessionCodec } from '../../core/session/token.ts';
import type { BackendSession, SessionState } from '../../core/session/types.ts';
import { passedCapabilities } from '../backend/capabilities.ts';
import { openBackend } from '../backend/open.ts';
import type { Caller } from '../call.ts';
import { isTransparent } from '../lane.ts';
import { identityOf, instructionsOf } from '../modern/described.ts';
import { immediate, type Outcome, type Refusal, refuse } from '../outcome.ts';
import { viewOf } from '../view.ts';
import { capabilitiesOf } from './capabilities.ts';
import { noticeFor } from './deprecated.ts';
import { sees } from './visible.ts';

/** In `_meta` of the answer: servers of which the caller sees something, and on which no session could be opened now. */
const ABSENT = 'chancery/absent';

export async function initialize(caller: Caller, message: Message): Promise<Outcome> {
  const { gateway, catalog, surface, principal } = caller;
  const requested = stringParam(message, 'protocolVersion');
  if (requested === null)
    return refuse({ code: 'invalid_params', detail: 'params.protocolVersion must be a string' }, message.idText);
  const protocolVersion = negotiate(requested);
  const clientInfo = clientInfoOf(jsonParam(message, 'clientInfo'));
  const now = gateway.now();
  const codec = gateway.sessions();
  const empty: SessionState = {
    tokenId: codec.newTokenId(),
    surface: surface.name,
    issuer: principal.issuer,
    subject: principal.subject,
    protocolVersion,
    clientCapabilities: objectOf(jsonParam(message, 'capabilities')),
    clientInfo,
    issuedAtMs: now,
    expiresAtMs: now + LIMITS.sessionTtlMs,
    backends: [],
  };
  // What cannot be sealed is refused before any backend opens a session for it.
  const problem = sealProblem(codec, empty);
  if (problem !== null) return refuse(problem, message.idText);
  // Chosen by the token's id, as later on for backends that are not sealed in it.
  const exposure = viewOf(catalog, surface, empty);
  const versions = exposure.served;
  const capabilities = passedCapabilities(empty, isTransparent(exposure));
  const opened = await Promise.all(
    versions.map(async (version): Promise<BackendSession | null> => {
      // There is none to open: each call says for itself what a session would.
      if (isModernOnly(version.discovered)) return null;
      const backend = await openBackend(gateway.egress, { version, protocolVersion, clientInfo, capabilities });
      if (backend.ok) return { server: version.name, version: version.version, sessionId: backend.sessionId };
      // One that is down now is tried again when it is called.
      gateway.log.warn(
        { server: version.name, version: version.version, surface: surface.name, why: backend.why },
        'a backend is missing from a new session',
      );
      return null;
    }),
  );
  const state = { ...empty, backends: opened.filter((backend) => backend !== null) };
  const { token, kept } = codec.seal(state);
  for (const backend of state.backends.slice(kept)) {
    const { cluster } = versions.find(({ name }) => name === backend.server)!;
    await gateway.side.open(state.tokenId, cluster, () => Promise.resolve(backend.sessionId));
  }
  gateway.log.info(
    {
      surface: surface.name,
      subject: principal.subject,
      session: state.tokenId,
      protocolVersion,
      backends: state.backends.length,
      of: versions.length,
    },
    'a session was opened',
  );
  const viewer = { ...caller, exposure };
  const absent = versions.filter(
    (version, index) => opened[index] === null && !isModernOnly(version.discovered) && sees(viewer, version),
  );
  const { members, headers } = noticeFor(viewer);
  const instructions = instructionsOf(viewer);
  const result = {
    protocolVersion,
    capabilities: capabilitiesOf(versions, protocolVersion),
    serverInfo: identityOf(viewer),
    ...(instructions === '' ? {} : { instructions }),
    ...members,
    ...(absent.length > 0 && { _meta: { ...members._meta, [ABSENT]: absent.map(({ name }) => name) } }),
  };
  return immediate(200, resultText(message.idText, JSON.stringify(result)), 'chancery_initialize', [
    [HEADERS.session, token],
    ...headers,
  ]);
}

function sealProblem(codec: SessionCodec, state: SessionState): Refusal | null {
  try {
    codec.seal(state);
    return null;
  } catch (error) {
    if (!(error instanceof ChanceryError)) throw error;
    return error.detail === undefined ? { code: error.code } : { code: error.code, detail: error.detail };
  }
}

/** Servers want a name and a version; a client that says neither is introduced as one that does not. */
function clientInfoOf(value: unknown): JsonObject {
  const info = objectOf(value);
  return typeof info.name === 'string' && typeof info.version === 'string'
    ? info
    : { name: 'unknown', version: '0', ...info };
}

function objectOf(value: unknown): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
}
