// Decides how what ext-proc ask of each other looks to both ends: the messages of `Instances` (proto/) as plain data.
import { join } from 'node:path';
import { loadPackageDefinition, type ServiceClientConstructor } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import type { JsonObject } from '../../core/json.ts';
import type { Principal } from '../../core/policy/types.ts';

/**
 * `retry`: a modern client comes back to a call that waits. `answer`: a legacy client's response to a question. `notice`:
 * something about a session that each must know. `listening`: the session's own stream is elsewhere from now on.
 */
export type RelayKind = 'retry' | 'answer' | 'notice' | 'listening';

/** Lists and texts only; see `principalOnWire`. */
export interface WirePrincipal
  extends Pick<Principal, 'issuer' | 'subject' | 'groups' | 'scopes' | 'tasks' | 'expiresAtMs'> {
  readonly agent: string;
  readonly claims: string;
  readonly kind: string;
}

export function principalOnWire({ agent, claims, ...principal }: Principal): WirePrincipal {
  return { ...principal, agent: agent ?? '', claims: JSON.stringify(claims) };
}

/** The other end is one of us: it was verified there. */
export function principalOffWire({ agent, claims, kind, ...principal }: WirePrincipal): Principal {
  return {
    ...principal,
    agent: agent === '' ? null : agent,
    claims: JSON.parse(claims) as JsonObject,
    kind: kind as Principal['kind'],
  };
}

export interface RelayRequest {
  readonly instance: string;
  readonly kind: RelayKind;
  readonly surface: string;
  readonly principal: WirePrincipal;
  /** The sealed session token; '' in the modern era. */
  readonly session: string;
  /** Of a retry, see `askedFor`; else ''. */
  readonly asked: string;
  readonly message: Buffer;
}

export interface RelayHeader {
  readonly name: string;
  readonly value: string;
}

/** One member is there. */
export interface RelayAnswer {
  readonly taken?: object | null;
  readonly whole?: {
    readonly status: number;
    readonly headers: readonly RelayHeader[];
    readonly body: string;
    readonly details: string;
  } | null;
  readonly head?: { readonly headers: readonly RelayHeader[] } | null;
  readonly chunk?: Buffer | null;
}

/** Both ends of the service. */
export function loadInstances(protoDir: string): ServiceClientConstructor {
  const definition = loadSync(join(protoDir, 'chancery/v1/chancery.proto'), {
    longs: Number,
    oneofs: true,
    defaults: true,
  });
  const loaded = loadPackageDefinition(definition) as unknown as {
    chancery: { v1: { Instances: ServiceClientConstructor } };
  };
  return loaded.chancery.v1.Instances;
}
