// Decides how items of a list become rows of a table.
import type { z } from 'zod';
import { table } from './table.ts';

export interface Column<Row> {
  readonly title: string;
  /** Shown with `-o wide` only. */
  readonly wide?: true;
  readonly cell: (row: Row, nowMs: number) => string;
}

export interface Shape {
  readonly wide: boolean;
  /** It is one that was named, and not the whole list. */
  readonly only: boolean;
  readonly nowMs: number;
}

/** null: an item has another shape than this version knows. */
export type View = (items: readonly unknown[], shape: Shape) => string | null;

/** An item may be several rows, and a list may have rows for what is not in it. */
export function view<Item, Row>(
  schema: z.ZodType<Item>,
  rowsOf: (items: readonly Item[], shape: Shape) => readonly Row[],
  columns: readonly Column<Row>[],
): View {
  return (items, shape) => {
    const read = items.map((item) => schema.safeParse(item));
    const parsed = read.flatMap((result) => (result.success ? [result.data] : []));
    if (parsed.length < items.length) return null;
    const shown = columns.filter(({ wide }) => shape.wide || wide === undefined);
    const rows = rowsOf(parsed, shape).map((row) => shown.map(({ cell }) => cell(row, shape.nowMs)));
    return table([shown.map(({ title }) => title), ...rows]);
  };
}

/** ` (12 s ago)`; nothing without a time. */
export function agoText(at: string | number | undefined, nowMs: number): string {
  const age = ageText(at, nowMs);
  return age === '-' ? '' : ` (${age} ago)`;
}

/** `12 s`, `83 min`, `5 h`, `9 d`; `-` without a time. */
export function ageText(at: string | number | null | undefined, nowMs: number): string {
  const atMs = typeof at === 'string' ? Date.parse(at) : (at ?? Number.NaN);
  const seconds = Math.max(0, Math.round((nowMs - atMs) / 1000));
  if (Number.isNaN(seconds)) return '-';
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 120 * 60) return `${Math.round(seconds / 60)} min`;
  return seconds < 48 * 3600 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} d`;
}

/** `a=1,b=2`. */
export function labelsText(labels: Readonly<Record<string, string>> | undefined): string {
  return Object.entries(labels ?? {})
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
}
