// Decides how a person reads what another policy would have made of the last days.
import { z } from 'zod';
import { LIMITS } from '../../core/limits.ts';
import { askApi } from '../api-client.ts';
import { failed, misused, readArguments } from '../arguments.ts';
import { type CliContext, EXIT_STATUSES } from '../context.ts';
import { oneLine, safeJson, safeYaml } from '../terminal.ts';
import { type InputDocument, readSources } from './apply-input.ts';
import { sinceText, wantedSince } from './decisions.ts';
import { readOutput } from './output.ts';
import { tellLocated } from './problems.ts';
import { readText } from './read-bounded.ts';
import { ageText } from './view.ts';
import { OTHER_VERSION } from './write.ts';

const examples = z.array(
  z.object({ id: z.string(), at: z.string(), surface: z.string(), subject: z.string(), target: z.string() }),
);
const answerSchema = z.object({
  considered: z.number(),
  cut: z.boolean(),
  same: z.number(),
  changes: z.array(z.object({ from: z.string(), to: z.string(), count: z.number(), examples })),
  unknown: z.object({ count: z.number(), because: z.record(z.string(), z.number()), examples }),
});

export async function run(args: readonly string[], context: CliContext): Promise<number> {
  const read = readArguments('replay', args);
  if ('problem' in read) return misused('replay', read.problem, context);
  const { since: given = '7d', output } = read.flags;
  const [file = ''] = read.words;
  const wanted = readOutput({ output });
  if ('problem' in wanted) return misused('replay', wanted.problem, context);
  const since = sinceText(given, context.nowMs());
  if (since === null) return misused('replay', wantedSince(given), context);
  const text = await readText(file, LIMITS.apiBodyBytesMax, context);
  if ('problem' in text) return failed('replay', text.problem, context);
  const { documents, problems } = readSources([{ file, text: text.text }]);
  tellLocated(problems, [file], context);
  const [document, ...others] = documents;
  if (problems.length > 0) return EXIT_STATUSES.failed.status;
  if (document === undefined || others.length > 0)
    return failed('replay', `${file}: found ${documents.length} documents, wanted one policy`, context);
  return await ask(file, document, since, wanted.output, context);
}

async function ask(
  file: string,
  { value, locate }: InputDocument,
  since: string,
  output: string,
  context: CliContext,
): Promise<number> {
  const { kind, ...policy } = value as { readonly kind?: unknown };
  if (kind !== 'Policy') return failed('replay', `${file}: wanted a document of the kind Policy`, context);
  const answer = await askApi({ method: 'POST', path: '/v1/policies/replay', body: { policy, since } }, context);
  if (!answer.ok) {
    if (answer.problems.length === 0) return failed('replay', answer.sentence, context);
    tellLocated(answer.problems.map(locate), [file], context);
    return EXIT_STATUSES.failed.status;
  }
  const read = answerSchema.safeParse(answer.body);
  if (output === 'json' || output === 'yaml')
    context.out(output === 'json' ? safeJson(answer.body) : safeYaml(answer.body));
  else if (read.success) context.out(textOf(read.data, context.nowMs()));
  else return failed('replay', OTHER_VERSION, context);
  return EXIT_STATUSES.done.status;
}

function textOf({ considered, cut, same, changes, unknown }: z.output<typeof answerSchema>, nowMs: number): string {
  const exampleLines = (list: z.output<typeof examples>): string[] =>
    list.map(
      ({ at, surface, subject, target, id }) =>
        `    ${ageText(at, nowMs)} ago: ${subject}, ${target} on ${surface} (${id})`,
    );
  const because = Object.entries(unknown.because).flatMap(([reason, count]) =>
    count > 0 ? [`${count} ${reason}`] : [],
  );
  const lines = [
    `${considered} decisions${cut ? ' (the newest; there are more)' : ''}: ${same} would be the same`,
    ...changes.flatMap(({ from, to, count, examples: list }) => [
      `  ${count} would change from ${from} to ${to}, e.g.`,
      ...exampleLines(list),
    ]),
    ...(unknown.count === 0
      ? []
      : [
          `  ${unknown.count} cannot be known (not recorded, or gone: ${because.join(', ')}), e.g.`,
          ...exampleLines(unknown.examples),
        ]),
  ];
  return lines.map((line) => `${oneLine(line)}\n`).join('');
}
