// Decides how the fields that many documents share are written: names, labels, globs, lines of text.
import { z } from 'zod';
import { LIMITS } from '../../limits.ts';

/** Lower-case letters, digits and inner hyphens; so `<server>__<tool>` splits at the first `__` without doubt. */
export const nameSchema = z
  .string()
  .max(LIMITS.serverNameCharsMax, `a name has at most ${LIMITS.serverNameCharsMax} characters`)
  .regex(
    /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/,
    'a name is lower-case letters, digits and inner hyphens, e.g. "github-prod"',
  );

export const versionSchema = z
  .string()
  .max(32)
  .regex(/^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/, 'a version is letters, digits, dots, hyphens, e.g. "1.4.0"');

/** No control characters, and none that reorder or hide text: these go into logs, terminals and consoles. */
export const lineSchema = (max: number) =>
  z
    .string()
    .max(max)
    .regex(/^[^\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069\u200b\ufeff]*$/u, 'control characters are not allowed')
    .refine((text) => text.isWellFormed(), 'lone surrogates are not allowed');

const labelKeySchema = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9./-]{0,61}[a-z0-9])?$/, 'a label is lower-case letters, digits, dots, slashes, hyphens');

export const labelsSchema = z
  .record(labelKeySchema, lineSchema(128))
  .refine((labels) => Object.keys(labels).length <= LIMITS.labelsMax, `at most ${LIMITS.labelsMax} labels`);

/** RFC 6749 §3.3: `scope-token = 1*( %x21 / %x23-5B / %x5D-7E )`. */
export const scopeSchema = z.string().regex(/^[!#-[\]-~]{1,256}$/, 'a scope has no spaces, quotes or backslashes');

export const globSchema = z.string().min(1).max(512);

/** An instant, e.g. `2027-01-31T00:00:00Z`. */
export const instantSchema = z.iso.datetime({ offset: true });
