// Decides what `chancery get` shows: a table for a person, or JSON for a program.
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { NODE_GROUPS } from '../../core/contract.ts';
import { createApiClient } from '../api-client.ts';
import type { CliContext } from '../context.ts';
import { table } from './table.ts';

const USAGE = 'usage: chancery get servers|surfaces|policies|nodes [NAME] [-o json]\n';

const server = z.object({
  name: z.string(),
  versions: z.array(z.object({ version: z.string() })),
  status: z.object({
    discovered: z.boolean(),
    tools: z.number(),
    error: z.string().optional(),
    errorAt: z.string().optional(),
  }),
});
const surface = z.object({
  name: z.string(),
  auth: z.string(),
  decision: z.string(),
  servers: z.array(z.object({ server: z.string() })),
});
const policy = z.object({ name: z.string(), surfaces: z.array(z.string()), rules: z.array(z.unknown()) });
const node = z.object({
  id: z.string(),
  group: z.string(),
  transport: z.string(),
  types: z.array(
    z.object({ label: z.string(), sent: z.string().nullable(), acked: z.string().nullable(), nacked: z.unknown() }),
  ),
});

interface View {
  readonly header: readonly string[];
  /** null: the answer has another shape than this version knows. */
  readonly row: (item: unknown, nowMs: number) => readonly string[] | null;
  /** The member that NAME names. */
  readonly key: 'name' | 'id';
  /** Whether one item has an address of its own. */
  readonly single: boolean;
}

function view<T>(
  schema: z.ZodType<T>,
  header: readonly string[],
  cells: (item: T, nowMs: number) => readonly string[],
  rest: Pick<View, 'key' | 'single'>,
): View {
  const row = (item: unknown, nowMs: number): readonly string[] | null => {
    const parsed = schema.safeParse(item);
    return parsed.success ? cells(parsed.data, nowMs) : null;
  };
  return { header, row, ...rest };
}

const document = { key: 'name', single: true } as const;
const VIEWS: Readonly<Record<string, View>> = {
  servers: view(
    server,
    ['NAME', 'VERSION', 'TOOLS', 'STATUS'],
    (item, nowMs) => [
      item.name,
      item.versions[0]?.version ?? '',
      String(item.status.tools),
      stateOf(item.status, nowMs),
    ],
    document,
  ),
  surfaces: view(
    surface,
    ['NAME', 'AUTH', 'DECISION', 'SERVERS'],
    (item) => [item.name, item.auth, item.decision, item.servers.map((member) => member.server).join(',')],
    document,
  ),
  policies: view(
    policy,
    ['NAME', 'RULES', 'SURFACES'],
    (item) => [item.name, String(item.rules.length), item.surfaces.join(',')],
    document,
  ),
  nodes: view(
    node,
    ['ID', 'GROUP', 'BY', 'ACKED', 'STATUS'],
    (item) => [item.id, item.group, item.transport, `${ackedOf(item)}/${item.types.length}`, standingOf(item)],
    { key: 'id', single: false },
  ),
};

/** Resolves to 0 when it is shown, to 1 when it cannot be, to 2 for a wrong command line. */
export async function run(args: readonly string[], context: CliContext): Promise<number> {
  let what: string | undefined;
  let name: string | undefined;
  let output: string | undefined;
  try {
    const parsed = parseArgs({
      args: [...args],
      options: { output: { type: 'string', short: 'o' } },
      allowPositionals: true,
    });
    [what, name] = parsed.positionals;
    output = parsed.values.output;
    if (parsed.positionals.length > 2) throw new Error(`found "${parsed.positionals[2]}" after the name`);
    if (output !== undefined && output !== 'json') throw new Error(`found -o ${output}, wanted -o json`);
  } catch (error) {
    context.err(`get: ${(error as Error).message}\n${USAGE}`);
    return 2;
  }
  const found = what !== undefined && Object.hasOwn(VIEWS, what) ? VIEWS[what] : undefined;
  if (what === undefined || found === undefined) {
    context.err(what === undefined ? USAGE : `get: there is no "${what}"\n${USAGE}`);
    return 2;
  }
  const direct = name !== undefined && found.single;
  const answer = await createApiClient(context.settings).get(
    direct ? `/v1/${what}/${encodeURIComponent(name ?? '')}` : `/v1/${what}`,
  );
  if (!answer.ok) return fail(answer.sentence, context);
  const items = direct ? [answer.body] : itemsIn(answer.body, name, found.key);
  if (name !== undefined && items.length === 0) return fail(`no ${what.slice(0, -1)} is named "${name}"`, context);
  if (output === 'json') {
    context.out(`${JSON.stringify(name === undefined ? answer.body : items[0], null, 2)}\n`);
    return 0;
  }
  const rows = items.map((item) => found.row(item, context.nowMs()));
  if (rows.includes(null)) return fail('the REST API is of another version: use -o json', context);
  const absent = what === 'nodes' && name === undefined ? absentGroups(items) : [];
  context.out(table([found.header, ...rows.filter((row) => row !== null), ...absent]));
  return 0;
}

function itemsIn(body: unknown, name: string | undefined, key: string): readonly unknown[] {
  const { items = [] } = z.object({ items: z.array(z.unknown()) }).safeParse(body).data ?? {};
  return name === undefined
    ? items
    : items.filter((item) => typeof item === 'object' && item !== null && Reflect.get(item, key) === name);
}

function fail(sentence: string, { err }: CliContext): number {
  err(`get: ${sentence}\n`);
  return 1;
}

function stateOf({ discovered, error, errorAt }: z.output<typeof server>['status'], nowMs: number): string {
  if (error !== undefined) return `${discovered ? 'stale' : 'not read'}: ${error}${ago(errorAt, nowMs)}`;
  return discovered ? 'ok' : 'not read yet';
}

/** ` (12 s ago)`; nothing without a time. */
function ago(at: string | undefined, nowMs: number): string {
  const seconds = Math.max(0, Math.round((nowMs - Date.parse(at ?? '')) / 1000));
  if (Number.isNaN(seconds)) return '';
  return seconds < 120 ? ` (${seconds} s ago)` : ` (${Math.round(seconds / 60)} min ago)`;
}

/** Who ought to be connected and is not, or has been silent until it was given up. */
function absentGroups(items: readonly unknown[]): readonly (readonly string[])[] {
  const present = items.map((item) => node.safeParse(item).data?.group);
  return Object.values(NODE_GROUPS)
    .filter((group) => !present.includes(group))
    .map((group) => ['-', group, '-', '-', `not connected: see ${group}.log`]);
}

function ackedOf({ types }: z.output<typeof node>): number {
  return types.filter(({ sent, acked }) => sent !== null && sent === acked).length;
}

function standingOf({ types }: z.output<typeof node>): string {
  const refused = types.filter(({ nacked }) => nacked !== null && nacked !== undefined).map(({ label }) => label);
  if (refused.length > 0) return `refused: ${refused.join(',')}`;
  const behind = types.some(({ sent, acked }) => sent !== acked);
  return behind ? 'behind' : 'ok';
}
