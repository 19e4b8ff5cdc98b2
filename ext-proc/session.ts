// Decides whether a request's session token is one of this caller on this surface, and alive.
import { checkSession } from '../core/session/check.ts';
import type { SessionState } from '../core/session/types.ts';
import type { Caller } from './call.ts';
import type { Refusal } from './outcome.ts';

export type OpenedSession = { readonly ok: true; readonly session: SessionState } | ({ readonly ok: false } & Refusal);

/**
 * "Servers that require a session ID SHOULD respond to requests without an MCP-Session-Id header (other than
 * initialization) with HTTP 400 Bad Request", and to one that is not alive with 404 (MCP 2025-11-25, transports,
 * "Session Management"). Which of the reasons it was is for the log only.
 */
export function openSession({ admitted, gateway, surface, principal }: Caller): OpenedSession {
  if (admitted.sessionToken === '') return { ok: false, code: 'session_required' };
  const opened = gateway.sessions().open(admitted.sessionToken);
  const reason = opened.ok
    ? checkSession(opened.state, {
        surface: surface.name,
        issuer: principal.issuer,
        subject: principal.subject,
        tombstones: gateway.tombstones,
      })
    : opened.reason;
  if (opened.ok && reason === null) return { ok: true, session: opened.state };
  gateway.log.info({ surface: surface.name, subject: principal.subject, reason }, 'a session token was refused');
  return { ok: false, code: 'session_unknown', reason: String(reason) };
}
