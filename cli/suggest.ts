// Decides which word somebody may have meant who wrote one that is not known.
import { nearest } from '../core/policy/nearest.ts';

const withoutDashes = (word: string): string => word.replace(/^-+/, '');

/** ` (did you mean "get"?)`, or nothing when none is near; what only begins like one is near too. Total. */
export function suggestion(word: string, known: Iterable<string>): string {
  const wanted = word.toLowerCase();
  const words = new Map([...known].map((one) => [withoutDashes(one), one]));
  const longer =
    withoutDashes(wanted).length > 1 ? [...words.values()].find((one) => one.startsWith(wanted)) : undefined;
  const best = longer ?? words.get(nearest(withoutDashes(wanted), words.keys()) ?? '');
  return best === undefined ? '' : ` (did you mean "${best}"?)`;
}
