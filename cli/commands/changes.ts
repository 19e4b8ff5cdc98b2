// Decides how a person is told what a write did, or in a dry run what it would do, in the registry and in Envoy.
import { z } from 'zod';
import type { CliContext } from '../context.ts';
import { EXIT_STATUSES } from '../context.ts';
import { oneLine } from '../terminal.ts';

const answerSchema = z.object({
  dryRun: z.boolean().optional(),
  revision: z.number().optional(),
  changes: z.array(
    z.object({
      kind: z.string(),
      name: z.string(),
      change: z.string(),
      diff: z.string().optional(),
      warnings: z.array(z.string()).default([]),
    }),
  ),
  envoy: z.array(z.object({ group: z.string(), type: z.string(), name: z.string(), change: z.string() })).default([]),
});
export type Changes = z.output<typeof answerSchema>;

/** SGR parameters (ECMA-48) by the first character of a line of a diff. */
const COLOURS: Readonly<Record<string, string>> = { '+': '32', '-': '31', '@': '36' };
const SIGNS: Readonly<Record<string, string>> = { added: '+', removed: '-' };

/** What a write answers; null when it has another shape than this version knows. */
export function readChanges(body: unknown): Changes | null {
  return answerSchema.safeParse(body).data ?? null;
}

/** One line for each document, of a write that was done. */
export function changesText({ changes }: Changes): string {
  return changes.map(({ kind, name, change }) => `${oneLine(`${nameOf(kind, name)} ${change}`)}\n`).join('');
}

/** `nodegroup/edge`, as it is written everywhere. */
export function nameOf(kind: string, name: string): string {
  return `${kind.toLowerCase()}/${name}`;
}

/** What would change. Resolves to the exit status. */
export function tellDryRun({ changes, envoy }: Changes, context: CliContext): number {
  const paint = painter(context);
  const changed = changes.filter(({ change }) => change !== 'unchanged');
  if (changed.length === 0 && envoy.length === 0) {
    context.out('nothing would change\n');
    return EXIT_STATUSES.done.status;
  }
  for (const { kind, name, change, diff } of changed) {
    context.out(`${paint('1', oneLine(`${nameOf(kind, name)} would be ${change}`))}\n`);
    for (const line of diff === undefined ? [withoutDiff(kind)] : hunksOf(diff)) {
      const colour = COLOURS[line[0] ?? ''];
      context.out(`  ${colour === undefined ? oneLine(line) : paint(colour, oneLine(line))}\n`);
    }
  }
  const same = changes.length - changed.length;
  if (same > 0) context.out(`${same} ${same === 1 ? 'document' : 'documents'} would not change\n`);
  tellEnvoy(envoy, context, paint);
  return EXIT_STATUSES.wouldChange.status;
}

function withoutDiff(kind: string): string {
  return kind === 'Secret' ? '(what it holds is not shown)' : '(what differs is too long to show)';
}

/** Without the names of the two sides, which are told already. */
function hunksOf(diff: string): readonly string[] {
  const lines = diff.replace(/\n$/, '').split('\n');
  return lines.slice(
    Math.max(
      0,
      lines.findIndex((line) => line.startsWith('@@')),
    ),
  );
}

/** To Envoy and the services: in counts for each group of nodes and type of resource, and by name. */
function tellEnvoy(envoy: Changes['envoy'], { out }: CliContext, paint: Painter): void {
  const groups = Map.groupBy(envoy, ({ group }) => group);
  for (const [group, resources] of groups) {
    out(`${paint('1', oneLine(`group ${group} would be sent ${countOf(resources)}`))}\n`);
    for (const [type, ofType] of Map.groupBy(resources, (resource) => resource.type)) {
      out(`  ${oneLine(`${type}: ${countOf(ofType)}`)}\n`);
      for (const { name, change } of ofType) {
        const sign = SIGNS[change] ?? '~';
        const line = oneLine(`${sign} ${name}`);
        out(`    ${COLOURS[sign] === undefined ? line : paint(COLOURS[sign], line)}\n`);
      }
    }
  }
  if (envoy.length === 0) out('nobody would be sent anything\n');
}

/** `3 resources: 1 created, 2 updated`. */
function countOf(resources: Changes['envoy']): string {
  const counts = [...Map.groupBy(resources, ({ change }) => change)].map(([change, all]) => `${all.length} ${change}`);
  return `${resources.length} ${resources.length === 1 ? 'resource' : 'resources'}: ${counts.join(', ')}`;
}

type Painter = (colour: string, text: string) => string;

/** https://no-color.org: "when present and not an empty string (regardless of its value), prevents the addition of ANSI color". */
function painter({ outIsTerminal, env }: CliContext): Painter {
  const coloured = outIsTerminal === true && !env.NO_COLOR && env.TERM !== 'dumb';
  return coloured ? (colour, text) => `\u001b[${colour}m${text}\u001b[0m` : (_, text) => text;
}
