// Decides what exactly a person approves: this tool, with these arguments, for this caller, on this surface.
import { hash } from 'node:crypto';
import type { Value } from '../mcp/value.ts';

export interface Approvable {
  readonly surface: string;
  readonly issuer: string;
  readonly subject: string;
  /** Of the server, whose next version may do something else. */
  readonly server: string;
  readonly version: string;
  readonly kind: string;
  readonly name: string;
  readonly args: Value;
}

/** Hex. Equal for equal JSON values, however they were written (RFC 8785 but for its form of numbers). */
export function approvalHash({ surface, issuer, subject, server, version, kind, name, args }: Approvable): string {
  const parts = [surface, issuer, subject, server, version, kind, name, canonicalText(args)];
  return hash('sha256', parts.map((part) => `${part.length}:${part}`).join(''), 'hex');
}

/** Keys in order; integers beyond 2^53 with all of their digits. */
export function canonicalText(value: Value): string {
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${(value as readonly Value[]).map(canonicalText).join(',')}]`;
  const members = Object.entries(value as Readonly<Record<string, Value>>).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([key, item]) => `${JSON.stringify(key)}:${canonicalText(item)}`).join(',')}}`;
}
