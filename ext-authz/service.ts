// Decides how a Check call is served: one ruling, one answer, one line in the log; whatever goes wrong is a refusal.
import type { Catalog } from '../core/catalog/catalog.ts';
import { EXT_AUTHZ_METHOD } from '../core/contract.ts';
import { createGrpcServer, type GrpcServer, type GrpcStream, type StreamHandler } from '../core/grpc/server.ts';
import type { Verifier } from '../core/identity/verify.ts';
import type { DecisionRecord } from '../core/ledger-client/decision-record.ts';
import { LIMITS } from '../core/limits.ts';
import type { Ledger } from '../core/policy/ledger.ts';
import type { Logger } from '../core/runtime/log.ts';
import { check, type Ruling, refuse } from './check.ts';
import { decodeCheckRequest } from './check-request.ts';
import { encodeCheckResponse, responseTo } from './check-response.ts';

export interface Authorizer {
  /** The newest complete catalog; null before the first. */
  catalog(): Catalog | null;
  readonly verifier: Verifier;
  readonly bodyBytesMax: number;
  readonly log: Logger;
  /** Names a decision in the log and to the operator. */
  readonly newDecisionId: () => string;
  /** What calls leave behind. */
  readonly ledger: Ledger;
  readonly recorded: (record: DecisionRecord) => void;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** Room for the headers and attributes around a body. */
const ENVELOPE_BYTES = 256 * 1024;
const GRPC_INVALID_ARGUMENT = 3;
const GRPC_INTERNAL = 13;

export function createService(authorizer: Authorizer): GrpcServer {
  return createGrpcServer({
    methods: { [EXT_AUTHZ_METHOD]: (stream) => createCheck(stream, authorizer) },
    messageBytesMax: authorizer.bodyBytesMax + ENVELOPE_BYTES,
    log: authorizer.log,
  });
}

function createCheck(stream: GrpcStream, authorizer: Authorizer): StreamHandler {
  let asked = false;
  const answer = (ruling: Ruling): void => {
    stream.send([encodeCheckResponse(responseTo(ruling))]);
    stream.end();
  };
  const unanswerable = (error: unknown): void => {
    authorizer.log.error({ err: error }, 'an answer could not be written; the request is refused');
    stream.fail(GRPC_INTERNAL, 'no answer');
  };
  return {
    message(bytes) {
      if (asked) return;
      asked = true;
      const ruling = rule(bytes, authorizer);
      if (ruling instanceof Promise) ruling.then(answer).catch(unanswerable);
      else answer(ruling);
    },
    halfClosed() {
      if (!asked) stream.fail(GRPC_INVALID_ARGUMENT, 'a Check call carries one message');
    },
    closed() {},
  };
}

/** Never throws, never rejects, and never allows because something failed. */
function rule(bytes: Buffer, authorizer: Authorizer): Ruling | Promise<Ruling> {
  const { catalog, verifier, bodyBytesMax, log, now } = authorizer;
  const decisionId = authorizer.newDecisionId();
  const failed = (error: unknown): Ruling => {
    log.error({ err: error, decision: decisionId }, 'a decision failed; the request is refused');
    return refuse({ decisionId }, { code: 'decision_unavailable' });
  };
  const told = (ruling: Ruling): Ruling => {
    tell(log, ruling);
    return ruling;
  };
  try {
    const ruling = check(decodeCheckRequest(bytes), {
      catalog: catalog(),
      verifier,
      bodyBytesMax,
      decisionId,
      nowMs: now(),
      ledger: authorizer.ledger,
      recorded: authorizer.recorded,
    });
    return ruling instanceof Promise ? ruling.then(told).catch(failed) : told(ruling);
  } catch (error) {
    return failed(error);
  }
}

function tell(log: Logger, ruling: Ruling): void {
  for (const message of ruling.messages ?? []) tell(log, message);
  const level = ruling.allowed ? 'debug' : 'info';
  if (!log.isLevelEnabled(level)) return;
  const { decisionId, revision, surface, principal, method, target, ruleIds, reason } = ruling;
  log[level](
    {
      decision: decisionId,
      revision,
      surface,
      issuer: principal?.issuer,
      subject: principal?.subject,
      method: method?.slice(0, LIMITS.echoedCharsMax),
      target: target?.slice(0, LIMITS.echoedCharsMax),
      rules: ruleIds,
      reason,
      ...(ruling.allowed ? {} : { code: ruling.code }),
    },
    ruling.allowed ? 'allowed' : 'refused',
  );
}
