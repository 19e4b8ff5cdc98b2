// Decides how calls that wait for a person are listed and decided over HTTP.
import { z } from 'zod';
import type { StoredApproval, Verdict } from '../../ledger/types.ts';
import { approverProblem } from '../approver.ts';
import { ApiError } from '../error.ts';
import { cursorOf, pageParameters, positionIn } from '../page.ts';
import { PERMISSIONS } from '../permissions.ts';
import { type ApiServices, type Call, type Route, reasonSchema, route } from '../route.ts';
import { approvalSchema, listSchema } from '../schemas.ts';
import { isoTime } from '../server-status.ts';

const SCOPE = 'approvals';
/** The arguments of calls are not for everybody who may read. */
const SEES = [...PERMISSIONS.approvals.roles, ...PERMISSIONS.decisions.roles];

const listQuery = z.strictObject({
  ...pageParameters,
  state: z.enum(['pending', 'approved', 'denied', 'used', 'expired']).optional().describe('Only those in this state.'),
  surface: z.string().max(256).optional().describe('Only those of this surface.'),
});
const decideBody = z.strictObject({ reason: reasonSchema.optional() });
const ANSWERS = { 200: { doc: 'As it is now.', schema: approvalSchema } };

export const approvalRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/v1/approvals',
    access: SEES,
    summary: 'Calls that wait, or waited, for a person to approve them, newest first.',
    query: listQuery,
    answers: { 200: { doc: 'A page of them.', schema: listSchema(approvalSchema) } },
    examples: [{ title: 'Which calls wait for a person', path: '/v1/approvals?state=pending', status: 200 }],
    handle: list,
  }),
  route({
    method: 'GET',
    path: '/v1/approvals/:id',
    access: SEES,
    summary: 'One of them.',
    answers: ANSWERS,
    examples: [{ title: 'One', path: '/v1/approvals/forget-customers', status: 200 }],
    handle: async ({ param }, { ledger }) => Response.json(shown(await found(ledger, param('id')))),
  }),
  decision('approve', 'approved', 'Lets the call be made, once, by its caller, with the arguments that it had.'),
  decision('deny', 'denied', 'Refuses the call; its caller is told, and may not ask again before it has expired.'),
];

function decision(verb: string, verdict: Verdict, what: string): Route {
  return route({
    method: 'POST',
    path: `/v1/approvals/:id/${verb}`,
    access: PERMISSIONS.approvals.roles,
    summary: `${what} Only by a person that the rule names, and never by the caller. To say the same again changes nothing.`,
    body: decideBody,
    answers: ANSWERS,
    examples: [
      {
        title: 'With the operator token, which is nobody in particular',
        path: `/v1/approvals/forget-customers/${verb}`,
        body: { reason: 'they left' },
        status: 403,
      },
    ],
    handle: (call, services) => decide(verdict, call, services),
  });
}

async function list(
  { query: { limit, cursor, state, surface } }: Call<z.output<typeof listQuery>, unknown>,
  { ledger, registry }: ApiServices,
): Promise<Response> {
  const position = positionIn(SCOPE, cursor, 2);
  const before = position === null ? {} : { before: { requestedAtMs: Number(position[0]), id: position[1] ?? '' } };
  if (position !== null && !/^\d{1,15}$/.test(position[0] ?? '')) throw new ApiError('invalid_cursor');
  const read = await ledger.approvals({
    ...(state === undefined ? {} : { state }),
    ...(surface === undefined ? {} : { surface }),
    ...before,
    limit: limit + 1,
  });
  const items = read.slice(0, limit);
  const last = items.at(-1);
  const more = last !== undefined && read.length > limit;
  return Response.json({
    revision: registry.snapshot().revision,
    items: items.map(shown),
    ...(more ? { next: cursorOf(SCOPE, [String(last.requestedAtMs), last.id]) } : {}),
  });
}

async function decide(
  verdict: Verdict,
  { param, actor, author, body }: Call<unknown, z.output<typeof decideBody>>,
  { ledger, log }: ApiServices,
): Promise<Response> {
  const before = await found(ledger, param('id'));
  const problem = approverProblem(actor, before);
  if (problem !== null) throw new ApiError('not_the_approver', { detail: problem });
  const { who } = actor;
  const decided = await ledger.decide(before.id, verdict, who, body.reason ?? author.why);
  if (decided.ok) {
    log.info(
      { approval: before.id, who, verdict, subject: before.subject, target: before.target },
      'a call was decided',
    );
    return Response.json(shown(decided.approval));
  }
  if (decided.why === 'unknown') throw unknown(before.id);
  const { approval } = decided;
  // Who says the same again is told what became of it.
  const same = approval.decidedBy === who && (approval.state === 'denied') === (verdict === 'denied');
  if (same) return Response.json(shown(approval));
  const by = approval.decidedBy === null ? '' : ` by ${approval.decidedBy}`;
  const state = approval.state === 'pending' ? 'expired' : approval.state;
  throw new ApiError('approval_over', { detail: `it is ${state}${by}` });
}

async function found(ledger: ApiServices['ledger'], id: string): Promise<StoredApproval> {
  const approval = await ledger.approval(id);
  if (approval === null) throw unknown(id);
  return approval;
}

function unknown(id: string): ApiError {
  return new ApiError('not_found', { detail: `no approval has the id ${JSON.stringify(id.slice(0, 64))}` });
}

function shown(approval: StoredApproval): z.output<typeof approvalSchema> {
  const { id, state, surface, issuer, subject, target, rule, reason, by } = approval;
  return {
    ...{ id, state, surface, issuer, subject, target, rule, reason },
    by: {
      ...(by.subjects === undefined ? {} : { subjects: [...by.subjects] }),
      ...(by.groups === undefined ? {} : { groups: [...by.groups] }),
    },
    ...(approval.shown === null ? {} : { shown: approval.shown }),
    requestedAt: isoTime(approval.requestedAtMs),
    expiresAt: isoTime(approval.expiresAtMs),
    ...(approval.decidedBy === null ? {} : { decidedBy: approval.decidedBy }),
    ...(approval.decidedAtMs === null ? {} : { decidedAt: isoTime(approval.decidedAtMs) }),
    ...(approval.decidedWhy ? { decidedWhy: approval.decidedWhy } : {}),
    ...(approval.usedAtMs === null ? {} : { usedAt: isoTime(approval.usedAtMs) }),
  };
}
