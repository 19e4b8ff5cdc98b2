// Decides how it is told over HTTP why somebody may or may not see and use a tool, prompt or resource.
import { z } from 'zod';
import { compileSchema } from '../../../core/arguments/schema.ts';
import type { Catalog, CatalogSurface } from '../../../core/catalog/catalog.ts';
import { compiledOf } from '../../../core/catalog/decisions.ts';
import { type Exposed, everyExposure } from '../../../core/catalog/exposure.ts';
import { shownTo } from '../../../core/catalog/tool-candidates.ts';
import { LIMITS } from '../../../core/limits.ts';
import type { Value } from '../../../core/mcp/value.ts';
import { type Explanation, explain } from '../../../core/policy/explain.ts';
import { nearest } from '../../../core/policy/nearest.ts';
import { type Principal, TARGET_MEMBERS, type TargetKind } from '../../../core/policy/types.ts';
import { ApiError } from '../error.ts';
import { PERMISSIONS } from '../permissions.ts';
import { type ApiServices, type Call, type Route, route } from '../route.ts';
import { principalSchema, supposedPrincipal } from '../supposed.ts';

const name = z.string().min(1).max(LIMITS.targetNameCharsMax).optional();
const body = z
  .strictObject({
    surface: z.string().max(256).default('default'),
    principal: principalSchema.prefault({}),
    tool: name.describe('As the surface shows it, or `SERVER/NAME`.'),
    prompt: name,
    resource: name.describe('Its URI.'),
    args: z.record(z.string(), z.json()).optional().describe('Absent: as for a list, which knows no arguments.'),
    labels: z.array(z.string().max(256)).max(256).default([]).describe('Left by earlier calls.'),
    era: z.enum(['legacy', 'modern']).default('legacy'),
  })
  .refine(
    ({ tool, prompt, resource }) => [tool, prompt, resource].filter((one) => one !== undefined).length === 1,
    'give a tool, a prompt or a resource',
  );
type Body = z.output<typeof body>;

const truthSchema = z.enum(['true', 'false', 'unknown', 'indeterminate']);
const texts = z.array(z.string());
const explainedSchema = z.strictObject({
  server: z.string(),
  version: z.string(),
  name: z.string().describe("The server's own name for it."),
  publicName: z.string(),
  listed: z.boolean(),
  allowed: z.boolean().describe('Without arguments: whatever they are.'),
  decidedBy: texts.describe('POLICY/RULE; none: no rule allows it.'),
  reason: z.string(),
  missingScopes: texts.describe('With these as well it would be allowed.'),
  arguments: z.string().optional().describe("What is wrong with them by the tool's own schema."),
  owed: z
    .strictObject({
      quotas: z.array(z.strictObject({ id: z.string(), limit: z.number(), unit: z.string(), windowMs: z.number() })),
      approvals: texts.describe('Rules that want a person to approve it.'),
      redact: texts,
      labels: texts,
    })
    .optional(),
  shadow: z
    .strictObject({ allowed: z.boolean(), rules: texts })
    .optional()
    .describe('What policies in shadow would make of it, where that is something else.'),
  rules: z
    .array(
      z.strictObject({
        rule: z.string(),
        effect: z.enum(['allow', 'deny']),
        mode: z.enum(['enforce', 'shadow']),
        holds: truthSchema,
        surface: z.boolean(),
        target: z.boolean(),
        task: z.boolean(),
        whoFails: texts.describe('Members of `who` that do not fit.'),
        conditions: z.array(
          z.strictObject({
            text: z.string(),
            truth: truthSchema,
            why: z.string().optional(),
            trace: z.array(z.strictObject({ text: z.string(), value: z.string() })),
          }),
        ),
      }),
    )
    .describe('Of every policy, in the order of their ids.'),
});
const answerSchema = z.strictObject({
  revision: z.int(),
  surface: z.string(),
  targets: z.array(explainedSchema).describe('Several where servers have several versions.'),
});

export const explainRoutes: readonly Route[] = [
  route({
    method: 'POST',
    path: '/v1/explain',
    access: PERMISSIONS.decisions.roles,
    summary:
      'Why somebody may or may not see and use something: every rule, every condition, its value. Nothing is called.',
    body,
    answers: { 200: { doc: 'By the policies of the newest revision.', schema: answerSchema } },
    examples: [
      {
        title: 'Why somebody may read the graph',
        path: '/v1/explain',
        body: { surface: 'default', principal: { subject: 'alice', groups: ['notes'] }, tool: 'read_graph', args: {} },
        status: 200,
      },
    ],
    handle,
  }),
];

async function handle({ body: asked }: Call<unknown, Body>, services: ApiServices): Promise<Response> {
  const snapshot = services.registry.snapshot();
  const catalog = services.catalog(snapshot);
  const surface = catalog.surfaces.get(asked.surface);
  if (surface === undefined)
    throw new ApiError('not_found', { detail: `no surface is named ${JSON.stringify(asked.surface)}` });
  const [kind, wanted] = wantedOf(asked);
  const found = exposedAs(catalog, surface, kind, wanted, supposedPrincipal(asked.principal));
  if (found.length === 0) {
    const meant = meantBy(catalog, surface, kind, wanted);
    const detail = `the surface ${JSON.stringify(surface.name)} shows nobody a ${kind} ${JSON.stringify(wanted.slice(0, LIMITS.echoedCharsMax))}${meant === null ? '' : `; did you mean ${JSON.stringify(meant)}?`}`;
    throw new ApiError('not_found', { detail });
  }
  const targets = found.map((exposed) => explained(catalog, surface, kind, exposed, asked, services.now()));
  return Response.json({ revision: snapshot.revision, surface: surface.name, targets });
}

function wantedOf({ tool, prompt, resource }: Body): readonly [TargetKind, string] {
  if (tool !== undefined) return ['tool', tool];
  return prompt === undefined ? ['resource', resource ?? ''] : ['prompt', prompt];
}

function exposedAs(
  catalog: Catalog,
  surface: CatalogSurface,
  kind: TargetKind,
  wanted: string,
  principal: Principal,
): readonly Exposed[] {
  const exposure = everyExposure(catalog, surface, (version) => shownTo(version, principal));
  const found = exposure.find(kind, wanted);
  if (found.length > 0) return found;
  return exposure.lists[TARGET_MEMBERS[kind]].filter((item) => `${item.server.name}/${item.name}` === wanted);
}

/** The server's own name is the usual slip where the surface puts the server before it. */
function meantBy(catalog: Catalog, surface: CatalogSurface, kind: TargetKind, wanted: string): string | null {
  const items = everyExposure(catalog, surface).lists[TARGET_MEMBERS[kind]];
  const own = items.find(({ name: named }) => named === wanted);
  if (own !== undefined) return own.publicName;
  return nearest(
    wanted,
    items.map(({ publicName }) => publicName),
  );
}

const METHODS = { tool: 'tools/call', prompt: 'prompts/get', resource: 'resources/read' } as const;

function explained(
  catalog: Catalog,
  surface: CatalogSurface,
  kind: TargetKind,
  exposed: Exposed,
  { principal, args, labels, era }: Body,
  nowMs: number,
): z.output<typeof explainedSchema> {
  const { server, version, name: own, publicName, facts } = exposed;
  // What the surface fixes the server gets, whatever its caller sends.
  const given = args === undefined ? undefined : ({ ...args, ...exposed.fixing?.values } as Value);
  const problem = given === undefined || exposed.inputSchema === null ? null : argumentsProblem(exposed, given);
  const explanation = explain(compiledOf(catalog), {
    id: 'explain',
    revision: catalog.revision,
    surface: surface.name,
    principal: supposedPrincipal(principal),
    target: { kind, server: server.name, name: own, facts },
    ...(given === undefined ? {} : { args: () => given }),
    labels: () => labels,
    request: { method: METHODS[kind], era, protocolVersion: '', address: principal.address ?? null },
    nowMs,
  });
  return {
    server: server.name,
    version: version.version,
    name: own,
    publicName,
    listed: explanation.listed,
    ...decisionOf(explanation),
    ...(problem === null ? {} : { arguments: problem }),
    rules: explanation.rules.map(({ conditions, whoFails, ...rule }) => ({
      ...rule,
      whoFails: [...whoFails],
      conditions: conditions.map(({ trace, ...condition }) => ({ ...condition, trace: [...trace] })),
    })),
  };
}

function argumentsProblem({ inputSchema }: Exposed, given: Value): string | null {
  const schema = compileSchema(inputSchema ?? {});
  return schema.ok ? schema.check(given) : schema.problem;
}

function decisionOf({ decision }: Explanation) {
  const { allowed, ruleIds, reason, missingScopes, obligations, shadow } = decision;
  return {
    allowed,
    decidedBy: [...ruleIds],
    reason,
    missingScopes: [...missingScopes],
    ...(shadow === null ? {} : { shadow: { allowed: shadow.allowed, rules: [...shadow.ruleIds] } }),
    ...(obligations === null
      ? {}
      : {
          owed: {
            quotas: obligations.quotas.map(({ quota: { id, limit, unit, windowMs } }) => ({
              id,
              limit,
              unit,
              windowMs,
            })),
            approvals: obligations.approvals.map(({ rule }) => rule),
            redact: [...obligations.redact],
            labels: [...obligations.labels],
          },
        }),
  };
}
