// Decides how lists are written on the command line.

export { durationMs } from '../core/policy/duration.ts';

/** The words of a list, without what surrounds them. */
export function words(text: string, separator: string): readonly string[] {
  return text
    .split(separator)
    .map((word) => word.trim())
    .filter((word) => word !== '');
}
