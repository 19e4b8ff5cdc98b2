// Decides how the value of a secret gets from a person to the registry without being seen on the way.
import { z } from 'zod';
import { LIMITS } from '../../core/limits.ts';
import { type ApiAnswer, askApi } from '../api-client.ts';
import { type Arguments, failed, misused, readArguments } from '../arguments.ts';
import { type CliContext, EXIT_STATUSES } from '../context.ts';
import { oneLine } from '../terminal.ts';
import { nameOf } from './changes.ts';
import { problemText } from './problems.ts';
import { readText } from './read-bounded.ts';
import { OTHER_VERSION } from './write.ts';

type Flags = Arguments<'secret set'>['flags'];
type Type = 'opaque' | 'tls';
type Values = Readonly<Record<string, string>>;

/** What is kept of a secret that is there already. */
const keptSchema = z.object({
  type: z.enum(['opaque', 'tls']).optional(),
  description: z.string().optional(),
  labels: z.record(z.string(), z.string()).optional(),
});

export async function run(args: readonly string[], context: CliContext): Promise<number> {
  const read = readArguments('secret set', args);
  if ('problem' in read) return misused('secret set', read.problem, context);
  const { flags, words } = read;
  const [name = ''] = words;
  const misuse = misuseOf(flags);
  if (misuse !== null) return misused('secret set', misuse, context);
  const path = `/v1/secrets/${encodeURIComponent(name)}`;
  const there = await askApi({ path }, context);
  if (!there.ok && there.status !== 404) return failed('secret set', there.sentence, context);
  const kept = there.ok ? keptSchema.safeParse(there.body).data : {};
  if (kept === undefined) return failed('secret set', OTHER_VERSION, context);
  const type = typeOf(flags) ?? kept.type ?? 'opaque';
  const values = type === 'tls' ? await pairOf(flags, context) : await opaqueOf(name, flags, context);
  if ('problem' in values) return failed('secret set', String(values.problem), context);
  const { description, why } = flags;
  const body = { ...kept, type, ...(description === undefined ? {} : { description }), ...values };
  const answer = await askApi({ method: 'PUT', path, body, why, headers: unchanged(there) }, context);
  if (answer.ok) {
    context.out(`${oneLine(nameOf('Secret', name))} ${answer.status === 201 ? 'created' : 'set'}\n`);
    return EXIT_STATUSES.done.status;
  }
  if (answer.problems.length === 0) return failed('secret set', answer.sentence, context);
  for (const problem of answer.problems) context.err(`secret set: ${problemText(problem)}\n`);
  return EXIT_STATUSES.failed.status;
}

/** Somebody else's change of the same secret in between is not overwritten. */
function unchanged(there: ApiAnswer): Readonly<Record<string, string>> {
  if (!there.ok) return { 'if-none-match': '*' };
  return there.etag === null ? {} : { 'if-match': there.etag };
}

function misuseOf({ type, certificate, 'private-key': privateKey, 'from-file': file }: Flags): string | null {
  if (type !== undefined && type !== 'opaque' && type !== 'tls') return `found --type ${type}, wanted opaque or tls`;
  if ((certificate === undefined) !== (privateKey === undefined))
    return '--certificate and --private-key are given together';
  if (certificate !== undefined && (type === 'opaque' || file !== undefined))
    return 'a certificate makes a secret of type tls, which has no other value';
  return type === 'tls' && certificate === undefined ? 'type tls needs --certificate and --private-key' : null;
}

function typeOf({ type, certificate, 'from-file': file }: Flags): Type | undefined {
  if (type === 'opaque' || file !== undefined) return 'opaque';
  return type === 'tls' || certificate !== undefined ? 'tls' : undefined;
}

async function pairOf(flags: Flags, context: CliContext): Promise<Values | { readonly problem: string }> {
  const { certificate = '', 'private-key': privateKey = '' } = flags;
  if (certificate === '') return { problem: 'it is of type tls: give --certificate and --private-key' };
  const pem = await readText(certificate, LIMITS.keyFileBytesMax, context);
  if ('problem' in pem) return pem;
  const key = await readText(privateKey, LIMITS.keyFileBytesMax, context);
  return 'problem' in key ? key : { certificate: pem.text, privateKey: key.text };
}

/** The line end that an editor or `echo` puts after the last line is none of the value's. */
async function opaqueOf(
  name: string,
  { 'from-file': file }: Flags,
  context: CliContext,
): Promise<Values | { readonly problem: string }> {
  if (file === undefined && context.readHidden !== undefined) {
    const value = await context.readHidden(`value of ${oneLine(name)} (it is not shown): `);
    return value === null ? { problem: 'called off; nothing was written' } : valueIn(value);
  }
  const read = await readText(file ?? '-', LIMITS.keyFileBytesMax + 2, context);
  return 'problem' in read ? read : valueIn(read.text.replace(/\r?\n$/, ''));
}

function valueIn(value: string): Values | { readonly problem: string } {
  return value === '' ? { problem: 'the value is empty; nothing was written' } : { value };
}
