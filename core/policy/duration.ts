// Decides how a length of time is written in documents and on the command line.

const UNITS_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Of `30s`, `15m`, `12h`, `7d`; null when it is none of these forms, nothing, or more than `maxMs`. Total. */
export function durationMs(text: string, maxMs: number): number | null {
  const [, digits = '', unit = ''] = /^(\d{1,8})([smhd])$/.exec(text) ?? [];
  const ms = Number(digits) * (UNITS_MS[unit] ?? 0);
  return ms > 0 && ms <= maxMs ? ms : null;
}
