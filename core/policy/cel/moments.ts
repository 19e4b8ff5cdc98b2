// Decides how points in time and lengths of it are written, and which hour or day they are.
import { type Computed, moment } from './arithmetic.ts';
import { Duration, type Moment, Timestamp } from './results.ts';

const SECOND = 1_000_000_000n;
const MS = 1_000_000n;
const RFC3339 = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d\d):(\d\d))$/;
const UNITS: ReadonlyMap<string, bigint> = new Map([
  ['h', 3600n * SECOND],
  ['m', 60n * SECOND],
  ['s', SECOND],
  ['ms', MS],
  ['us', 1000n],
  ['µs', 1000n],
  ['ns', 1n],
]);
const PART = /(\d{1,18})?(?:\.(\d{0,18}))?(h|ms|m|s|us|µs|ns)/y;

/** RFC 3339. */
export function parseTimestamp(text: string): Computed {
  const match = RFC3339.exec(text);
  if (match === null) return 'it is not a timestamp such as 2026-07-28T12:00:00Z';
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  date.setUTCHours(hour, minute, second);
  const isReal =
    date.getUTCMonth() === month - 1 && date.getUTCDate() === day && hour < 24 && minute < 60 && second < 60;
  if (!isReal) return 'it is not a timestamp such as 2026-07-28T12:00:00Z';
  const offset = BigInt(Number(match[9] ?? 0) * 60 + Number(match[10] ?? 0)) * 60n * SECOND;
  const local = BigInt(date.getTime()) * MS + BigInt((match[7] ?? '').padEnd(9, '0'));
  return moment(match[8] === '-' ? local + offset : local - offset, true);
}

/** As Go writes durations: 1h30m, 1.5s, -2m. */
export function parseDuration(text: string): Computed {
  const wrong = 'it is not a duration such as 1h30m';
  const body = /^[+-]/.test(text) ? text.slice(1) : text;
  if (body === '0') return { value: new Duration(0n) };
  if (body === '' || text.length > 64) return wrong;
  let ns = 0n;
  for (let at = 0; at < body.length; at = PART.lastIndex) {
    PART.lastIndex = at;
    const match = PART.exec(body);
    if (match === null || (match[1] === undefined && (match[2] ?? '') === '')) return wrong;
    const unit = UNITS.get(match[3]!)!;
    const fraction = match[2] ?? '';
    ns +=
      BigInt(match[1] ?? 0) * unit + (BigInt(fraction === '' ? 0 : fraction) * unit) / 10n ** BigInt(fraction.length);
  }
  return moment(text.startsWith('-') ? -ns : ns, false);
}

/** As `string()` has them. */
export function textOf(value: Moment): string {
  const fraction = (ns: bigint): string => (ns === 0n ? '' : `.${ns.toString().padStart(9, '0').replace(/0+$/, '')}`);
  if (value instanceof Timestamp) {
    const rest = floored(value.ns, SECOND).rest;
    return `${dateOf(value)
      .toISOString()
      .replace(/\.\d+Z$/, '')
      .replace(/^[+-]\d\d(?=\d{4})/, '')}${fraction(rest)}Z`;
  }
  const ns = value.ns < 0n ? -value.ns : value.ns;
  return `${value.ns < 0n ? '-' : ''}${ns / SECOND}${fraction(ns % SECOND)}s`;
}

function floored(value: bigint, by: bigint): { readonly whole: bigint; readonly rest: bigint } {
  const rest = ((value % by) + by) % by;
  return { whole: (value - rest) / by, rest };
}

/** Epoch seconds. */
export function secondsOf(value: Timestamp): bigint {
  return floored(value.ns, SECOND).whole;
}

function dateOf(value: Moment): Date {
  return new Date(Number(floored(value.ns, MS).whole));
}

type Getter = (date: Date) => number;
const DAY_MS = 86_400_000;
/** What CEL's getters give of a timestamp: months, days of the month and of the year from 0, Sunday is 0. */
export const TIMESTAMP_GETTERS: ReadonlyMap<string, Getter> = new Map<string, Getter>([
  ['getFullYear', (date) => date.getUTCFullYear()],
  ['getMonth', (date) => date.getUTCMonth()],
  ['getDate', (date) => date.getUTCDate()],
  ['getDayOfMonth', (date) => date.getUTCDate() - 1],
  ['getDayOfWeek', (date) => date.getUTCDay()],
  ['getDayOfYear', (date) => Math.floor((date.getTime() - new Date(date).setUTCMonth(0, 1)) / DAY_MS)],
  ['getHours', (date) => date.getUTCHours()],
  ['getMinutes', (date) => date.getUTCMinutes()],
  ['getSeconds', (date) => date.getUTCSeconds()],
  ['getMilliseconds', (date) => date.getUTCMilliseconds()],
]);

const DURATION_GETTERS: ReadonlyMap<string, (ns: bigint) => bigint> = new Map([
  ['getHours', (ns: bigint) => ns / (3600n * SECOND)],
  ['getMinutes', (ns: bigint) => ns / (60n * SECOND)],
  ['getSeconds', (ns: bigint) => ns / SECOND],
  ['getMilliseconds', (ns: bigint) => (ns % SECOND) / MS],
]);

/** `zone` is null (UTC), an offset such as +05:30, or a name of the IANA database. */
export function getOf(getter: string, value: Moment, zone: string | null): Computed {
  if (value instanceof Duration) {
    const get = DURATION_GETTERS.get(getter);
    return get === undefined || zone !== null ? `a duration has no ${getter}` : { value: get(value.ns) };
  }
  const date = zone === null ? dateOf(value) : dateIn(dateOf(value), zone);
  const get = TIMESTAMP_GETTERS.get(getter);
  if (date === null) return 'there is no such time zone';
  return get === undefined ? `there is no ${getter}` : { value: BigInt(get(date)) };
}

const ZONES_MAX = 32;
const zones = new Map<string, Intl.DateTimeFormat>();

/** A date whose UTC fields are those of the zone. null: there is no such zone. */
function dateIn(date: Date, zone: string): Date | null {
  const offset = /^([+-]?)(\d\d):(\d\d)$/.exec(zone);
  if (offset !== null) {
    const minutes = Number(offset[2]) * 60 + Number(offset[3]);
    return new Date(date.getTime() + (offset[1] === '-' ? -1 : 1) * minutes * 60_000);
  }
  const format = formatOf(zone);
  if (format === null) return null;
  const parts = new Map(format.formatToParts(date).map(({ type, value }) => [type, Number(value)]));
  const part = (name: Intl.DateTimeFormatPartTypes): number => parts.get(name) ?? 0;
  const local = new Date(0);
  local.setUTCFullYear(part('year'), part('month') - 1, part('day'));
  local.setUTCHours(part('hour'), part('minute'), part('second'), date.getUTCMilliseconds());
  return local;
}

function formatOf(zone: string): Intl.DateTimeFormat | null {
  const known = zones.get(zone);
  if (known !== undefined) return known;
  try {
    const numeric = 'numeric';
    const fields = {
      year: numeric,
      month: numeric,
      day: numeric,
      hour: numeric,
      minute: numeric,
      second: numeric,
    } as const;
    const format = new Intl.DateTimeFormat('en-US', { timeZone: zone, hourCycle: 'h23', ...fields });
    if (zones.size >= ZONES_MAX) zones.clear();
    zones.set(zone, format);
    return format;
  } catch {
    return null;
  }
}
