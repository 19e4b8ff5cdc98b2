// Decides how a subject's tokens, or one of them, are revoked on the command line.
import { hash } from 'node:crypto';
import { LIMITS } from '../../core/limits.ts';
import { askApi } from '../api-client.ts';
import { failed, misused, readArguments } from '../arguments.ts';
import { type CliContext, EXIT_STATUSES } from '../context.ts';
import { durationMs } from '../duration.ts';
import { oneLine } from '../terminal.ts';

export async function run(args: readonly string[], context: CliContext): Promise<number> {
  const read = readArguments('revoke', args);
  if ('problem' in read) return misused('revoke', read.problem, context);
  const { sub, jti, issuer, for: given, why } = read.flags;
  if ((sub === undefined) === (jti === undefined))
    return misused('revoke', 'say whose, with --sub, or which token, with --jti', context);
  const forMs = given === undefined ? LIMITS.revocationTtlMs : durationMs(given, LIMITS.revocationTtlMaxMs);
  if (forMs === null) return misused('revoke', `--for wants a time such as 12h or 30d, found "${given}"`, context);
  const nowMs = context.nowMs();
  const body = {
    ...(sub !== undefined && { subject: sub, before: new Date(nowMs).toISOString() }),
    ...(jti !== undefined && { jti }),
    ...(issuer !== undefined && { issuer }),
    until: new Date(nowMs + forMs).toISOString(),
  };
  // The same words at the same moment are the same revocation.
  const name = `revoked-${hash('sha256', JSON.stringify(body), 'hex').slice(0, 16)}`;
  const answer = await askApi({ method: 'PUT', path: `/v1/revocations/${name}`, body, why }, context);
  if (!answer.ok) return failed('revoke', answer.sentence, context);
  const what = sub === undefined ? `the token ${jti}` : `what ${sub} was given until now`;
  context.out(`${oneLine(`${what} is revoked: ${name}, until ${body.until}`)}\n`);
  return EXIT_STATUSES.done.status;
}
