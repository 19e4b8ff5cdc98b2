// Decides how a person reads why somebody may or may not use something.
import { z } from 'zod';
import { askApi } from '../api-client.ts';
import { type Arguments, failed, misused, readArguments } from '../arguments.ts';
import { type CliContext, EXIT_STATUSES } from '../context.ts';
import { oneLine, safeJson, safeYaml } from '../terminal.ts';
import { readOutput } from './output.ts';
import { OTHER_VERSION } from './write.ts';

const texts = z.array(z.string());
const ruleSchema = z.object({
  rule: z.string(),
  effect: z.string(),
  mode: z.string(),
  holds: z.string(),
  surface: z.boolean(),
  target: z.boolean(),
  task: z.boolean(),
  whoFails: texts,
  conditions: z.array(
    z.object({
      text: z.string(),
      truth: z.string(),
      why: z.string().optional(),
      trace: z.array(z.object({ text: z.string(), value: z.string() })),
    }),
  ),
});
const targetSchema = z.object({
  server: z.string(),
  version: z.string(),
  name: z.string(),
  listed: z.boolean(),
  allowed: z.boolean(),
  decidedBy: texts,
  reason: z.string(),
  missingScopes: texts,
  arguments: z.string().optional(),
  owed: z
    .object({ quotas: z.array(z.object({ id: z.string() })), approvals: texts, redact: texts, labels: texts })
    .optional(),
  shadow: z.object({ allowed: z.boolean(), rules: texts }).optional(),
  rules: z.array(ruleSchema),
});
const answerSchema = z.object({ surface: z.string(), targets: z.array(targetSchema) });

export async function run(args: readonly string[], context: CliContext): Promise<number> {
  const read = readArguments('explain', args);
  if ('problem' in read) return misused('explain', read.problem, context);
  const wanted = readOutput({ output: read.flags.output });
  if ('problem' in wanted) return misused('explain', wanted.problem, context);
  const body = bodyOf(read);
  if ('problem' in body) return misused('explain', body.problem, context);
  const answer = await askApi({ method: 'POST', path: '/v1/explain', body: body.body }, context);
  if (!answer.ok) return failed('explain', answer.sentence, context);
  const explained = answerSchema.safeParse(answer.body);
  if (wanted.output === 'json' || wanted.output === 'yaml')
    context.out(wanted.output === 'json' ? safeJson(answer.body) : safeYaml(answer.body));
  else if (explained.success)
    for (const target of explained.data.targets) context.out(textOf(target, read, explained.data.surface));
  else return failed('explain', OTHER_VERSION, context);
  return EXIT_STATUSES.done.status;
}

function bodyOf({ flags, words }: Arguments<'explain'>): { readonly body: object } | { readonly problem: string } {
  const { surface, sub, issuer, group, scope, task, claim, agent, address, label, args, kind = 'tool' } = flags;
  if (!['tool', 'prompt', 'resource'].includes(kind))
    return { problem: `--kind wants tool, prompt or resource, found "${kind}"` };
  const given = args === undefined ? undefined : jsonIn(args);
  if (given === null) return { problem: `--args wants a JSON object, found "${args}"` };
  const claims: Record<string, unknown> = {};
  for (const text of claim) {
    const [, name = '', value = ''] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
    if (name === '') return { problem: `--claim wants KEY=JSON, found "${text}"` };
    claims[name] = claimIn(value);
  }
  return {
    body: {
      ...(surface !== undefined && { surface }),
      principal: {
        ...(sub !== undefined && { subject: sub }),
        ...(issuer !== undefined && { issuer }),
        ...{ groups: group, scopes: scope, tasks: task, claims },
        ...(agent !== undefined && { agent }),
        ...(address !== undefined && { address }),
      },
      [kind]: words[0],
      labels: label,
      ...(given !== undefined && { args: given }),
    },
  };
}

/** null: it is no JSON object. */
function jsonIn(text: string): object | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}

/** What is no JSON is a text: `tenant=acme` means what it seems to. */
function claimIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

const MARKS: Readonly<Record<string, string>> = { true: '+', false: '-', unknown: '?', indeterminate: '!' };

function textOf(target: z.output<typeof targetSchema>, { flags }: Arguments<'explain'>, surface: string): string {
  const { server, name, version, allowed, listed, decidedBy, reason, owed, shadow, missingScopes, rules } = target;
  const by = decidedBy.length === 0 ? '' : ` (${decidedBy.join(', ')})`;
  const known = flags.args === undefined ? ', whatever the arguments' : '';
  const verdict = allowed
    ? `may use it${known}`
    : flags.args === undefined
      ? 'may not use it with every argument'
      : 'may not use it';
  const lines = [
    `${server}/${name} ${version} on ${surface}: ${flags.sub ?? 'somebody'} ${verdict}: ${reason}${by}`,
    `  ${listed ? 'listed' : 'not listed'}`,
    ...(target.arguments === undefined ? [] : [`  its schema refuses the arguments: ${target.arguments}`]),
    ...(missingScopes.length === 0 ? [] : [`  would be allowed with the scope ${missingScopes.join(', ')}`]),
    ...owedLines(owed),
    ...(shadow === undefined
      ? []
      : [`  policies in shadow: ${shadow.allowed ? 'allowed' : 'denied'} ${shadow.rules.join(', ')}`.trimEnd()]),
    ...rules.flatMap(ruleLines),
  ];
  return lines.map((line) => `${oneLine(line)}\n`).join('');
}

function owedLines(owed: z.output<typeof targetSchema>['owed']): string[] {
  if (owed === undefined) return [];
  const { quotas, approvals, redact, labels } = owed;
  const rows = [
    ['counted by', quotas.map(({ id }) => id)],
    ['needs the approval of', approvals],
    ['redacted', redact],
    ['leaves', labels],
  ] as const;
  return rows.flatMap(([title, list]) => (list.length === 0 ? [] : [`  ${title}: ${list.join(', ')}`]));
}

function ruleLines({
  rule,
  effect,
  mode,
  holds,
  surface,
  target,
  task,
  whoFails,
  conditions,
}: z.output<typeof ruleSchema>): string[] {
  const not = [
    ...(surface ? [] : ['another surface']),
    ...(target ? [] : ['another target']),
    ...(task ? [] : ['another task']),
    ...whoFails.map((member) => `who.${member} does not fit`),
  ];
  const why = not.length === 0 ? '' : `: ${not.join(', ')}`;
  return [
    `${MARKS[holds] ?? holds} ${effect} ${rule}${mode === 'shadow' ? ' (in shadow)' : ''}${why}`,
    ...conditions.flatMap(({ text, truth, why: because, trace }) => [
      `    ${MARKS[truth] ?? truth} when ${text}${because === undefined ? '' : ` (${because})`}`,
      ...trace.map((line) => `        ${line.text} = ${line.value}`),
    ]),
  ];
}
