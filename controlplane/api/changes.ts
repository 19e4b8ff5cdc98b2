// Decides what is told of a write that was done, and of one that was only tried.
import { createTwoFilesPatch } from 'diff';
import { LIMITS } from '../../core/limits.ts';
import type { ApplyOutcome, Change } from '../registry/types.ts';
import { yamlOf } from './document-text.ts';
import { ApiError, type ApiErrorCode } from './error.ts';
import type { ApiServices } from './route.ts';

export type Written = Extract<ApplyOutcome, { ok: true }>;

/** @throws ApiError when nothing was, or would be, written. `code` is for problems that the documents have. */
export function written(
  outcome: ApplyOutcome,
  code: Extract<ApiErrorCode, 'invalid_documents' | 'still_in_use'> = 'invalid_documents',
): Written {
  if (outcome.ok) return outcome;
  if (outcome.why === 'precondition') throw new ApiError('precondition_failed');
  const detail = outcome.why === 'forbidden' ? outcome.problems[0]?.message : undefined;
  throw new ApiError(outcome.why === 'forbidden' ? 'forbidden' : code, {
    problems: outcome.problems,
    ...(detail === undefined ? {} : { detail }),
  });
}

export function isChanged({ changes }: Written): boolean {
  return changes.some(({ change }) => change !== 'unchanged');
}

/**
 * The answer to a write: of one that was only tried what it would do, and `more`; of one that was done what `shown` says
 * of it, when those who publish were told.
 */
export function writeResponse(
  outcome: Written,
  dryRun: boolean,
  services: Pick<ApiServices, 'onChange' | 'preview' | keyof Warning>,
  shown: () => Response,
  more?: object,
): Response {
  if (dryRun) return dryRunResponse(outcome, services, more);
  if (isChanged(outcome)) services.onChange(outcome.revision);
  return shown();
}

type Warning = Pick<ApiServices, 'warnings' | 'policyWarnings'>;

export interface ToldChange extends Pick<Change, 'kind' | 'name' | 'change'> {
  readonly warnings?: readonly string[];
}

/** Each in the order of the request; of a surface or a policy that is declared anew with what its author should know of it. */
export function toldChanges(
  { changes, snapshot }: Written,
  { warnings, policyWarnings }: Warning,
): readonly ToldChange[] {
  const of: Partial<Record<Change['kind'], ApiServices['warnings'] | undefined>> = {
    Surface: warnings,
    Policy: policyWarnings,
  };
  let left: number = LIMITS.apiWarnedSurfacesMax;
  return changes.map(({ kind, name, change }) => {
    const about = change === 'created' || change === 'updated' ? of[kind] : undefined;
    const sentences = about !== undefined && left-- > 0 ? about(name, snapshot) : [];
    return { kind, name, change, ...(sentences.length === 0 ? {} : { warnings: sentences }) };
  });
}

/** The answer to `?dryRun=true`. */
function dryRunResponse(
  outcome: Written,
  services: Pick<ApiServices, 'preview' | keyof Warning>,
  more: object = {},
): Response {
  let bytesLeft: number = LIMITS.apiDiffBytesMax;
  const told = toldChanges(outcome, services);
  const changes = outcome.changes.map((change, index) => {
    const diff = bytesLeft > 0 ? diffOf(change) : null;
    if (diff === null || diff.length > bytesLeft) return told[index]!;
    bytesLeft -= diff.length;
    return { ...told[index]!, diff };
  });
  const envoy = isChanged(outcome) ? services.preview(outcome.snapshot) : [];
  return Response.json({ dryRun: true, revision: outcome.revision, changes, envoy, ...more });
}

/** A unified diff; null when nothing that is shown differs, or when it is too much to compare. */
function diffOf({ kind, name, before, after }: Change): string | null {
  const [from, to] = [before === null ? '' : yamlOf(before), after === null ? '' : yamlOf(after)];
  if (from === to) return null;
  const patch = createTwoFilesPatch(
    before === null ? '/dev/null' : `a/${kind}/${name}`,
    after === null ? '/dev/null' : `b/${kind}/${name}`,
    from,
    to,
    undefined,
    undefined,
    { maxEditLength: LIMITS.apiDiffLinesMax },
  );
  // The line that is for the headers of several patches says nothing here.
  return patch === undefined ? null : patch.replace(/^={3,}\n/, '');
}
