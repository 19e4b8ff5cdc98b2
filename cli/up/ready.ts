// Decides when an instance is ready: Envoy is live, the gateway answers, and the servers are read (or named as missing).
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { SOCKETS } from '../../core/contract.ts';
import { LIMITS } from '../../core/limits.ts';
import type { Settings } from '../../core/runtime/settings.ts';
import { ask, reachable } from './ask.ts';

/** Null: yes. Else what is still missing, in a few words. */
export type Probe = () => Promise<string | null>;

export interface Waiting {
  readonly deadlineMs: number;
  /** Aborted when nobody waits any more. */
  readonly signal: AbortSignal;
  readonly nowMs: () => number;
}

/** Asks until the probe says yes. Null, or what was missing at the deadline. @throws AbortError when `signal` is aborted. */
export async function until(probe: Probe, { deadlineMs, signal, nowMs }: Waiting): Promise<string | null> {
  const endMs = nowMs() + deadlineMs;
  for (;;) {
    signal.throwIfAborted();
    const missing = await probe();
    if (missing === null || nowMs() > endMs) return missing;
    await pause(LIMITS.probePauseMs, undefined, { signal });
  }
}

export function envoyProbe(runDir: string): Probe {
  const at = { socketPath: `${runDir}/${SOCKETS.envoyAdmin}` };
  return async () => {
    const answer = await ask({ at, path: '/ready', headers: { host: 'localhost' } });
    if ('problem' in answer) return 'Envoy does not answer yet';
    return answer.status === 200 ? null : `Envoy says ${answer.body.trim().slice(0, 40)}`;
  };
}

/** `configured`: there is a surface `default`, so that "no such surface" is not an answer yet. */
export function gatewayProbe({ host, port, publicUrl, tlsCert }: Settings, configured: boolean): Probe {
  const at = { host: reachable(host), port };
  const headers = { host: new URL(publicUrl).host };
  return async () => {
    const answer = await ask({ at, path: '/mcp', method: 'POST', headers, tls: tlsCert !== '' });
    if ('problem' in answer)
      // It wants a certificate of whoever comes, so it is there.
      return /certificate.required/i.test(answer.problem) ? null : 'the gateway does not answer yet';
    const serves = answer.status < 500 && (answer.status !== 404 || !configured);
    return serves ? null : `the gateway answers ${answer.status}`;
  };
}

const status = z.object({
  ready: z.boolean(),
  servers: z
    .array(
      z.object({
        name: z.string(),
        discovered: z.boolean(),
        error: z.string().optional(),
        errorAt: z.string().optional(),
      }),
    )
    .optional(),
});

export interface UnreadServer {
  readonly name: string;
  /** Why the latest attempt failed, which may have been before this start. */
  readonly error?: string | undefined;
  readonly errorAtMs: number;
}

export interface ApiStatus {
  readonly ready: boolean;
  /** The servers whose tools are not known yet, or that could not be read at the last attempt. */
  readonly unread: readonly UnreadServer[];
}

export interface Api {
  /** GET /v1/status; null when it does not answer (yet). */
  status(): Promise<ApiStatus | null>;
  /** How many documents a collection holds; null when the API does not answer. */
  count(collection: 'servers' | 'surfaces' | 'policies'): Promise<number | null>;
  hasSurface(name: string): Promise<boolean>;
}

/** What the supervisor asks the REST API. `token` reads the operator token, which the control plane makes at first start. */
export function apiOf({ apiHost, apiPort }: Settings, token: () => string | null): Api {
  const at = { host: reachable(apiHost), port: apiPort };
  const get = async (path: string): Promise<{ readonly found: unknown } | null> => {
    const bearer = token();
    if (bearer === null) return null;
    const answer = await ask({ at, path, headers: { authorization: `Bearer ${bearer}` } });
    if ('problem' in answer || answer.status !== 200) return null;
    return { found: readJson(answer.body) };
  };
  return {
    async status() {
      const parsed = status.safeParse((await get('/v1/status'))?.found);
      if (!parsed.success) return null;
      const unread = (parsed.data.servers ?? [])
        .filter((server) => !server.discovered || server.error !== undefined)
        .map(({ name, error, errorAt }) => ({ name, error, errorAtMs: Date.parse(errorAt ?? '') || 0 }));
      return { ready: parsed.data.ready, unread };
    },
    async count(collection) {
      const answer = await get(`/v1/${collection}`);
      return answer === null ? null : listIn(answer.found).length;
    },
    hasSurface: async (name) => (await get(`/v1/surfaces/${name}`)) !== null,
  };
}

/** A collection is an array, or an object with an array in it. */
function listIn(found: unknown): readonly unknown[] {
  if (Array.isArray(found)) return found;
  if (typeof found !== 'object' || found === null) return [];
  return Object.values(found).find((member) => Array.isArray(member)) ?? [];
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
