// Decides which member of a policy somebody may have meant who wrote one that is not known there.
import { z } from 'zod';
import type { Problem } from '../../core/catalog/document.ts';
import { policySchema } from '../../core/catalog/documents/policy.ts';
import { suggestion } from '../suggest.ts';

interface Node {
  readonly properties?: Readonly<Record<string, Node>>;
  readonly additionalProperties?: Node | boolean;
  readonly items?: Node | boolean;
  readonly anyOf?: readonly Node[];
  readonly allOf?: readonly Node[];
}

let schema: Node | undefined;

/** ` (did you mean "effect"?)`, or nothing. Total. */
export function memberSuggestion({ path, message }: Problem): string {
  const last = path.at(-1);
  if (!message.startsWith('unknown member ') || typeof last !== 'string') return '';
  schema ??= z.toJSONSchema(policySchema, { io: 'input', unrepresentable: 'any', reused: 'inline' }) as Node;
  const places = path
    .slice(0, -1)
    .reduce<readonly Node[]>((nodes, step) => nodes.flatMap((node) => below(node, step)), [schema]);
  return suggestion(
    last,
    places.flatMap(branches).flatMap(({ properties = {} }) => Object.keys(properties)),
  );
}

function branches(node: Node): readonly Node[] {
  return [node, ...[...(node.anyOf ?? []), ...(node.allOf ?? [])].flatMap(branches)];
}

function below(node: Node, step: string | number): readonly Node[] {
  return branches(node).flatMap(({ properties = {}, additionalProperties, items }) => {
    if (typeof step === 'number') return typeof items === 'object' ? [items] : [];
    const named = Object.hasOwn(properties, step) ? properties[step] : undefined;
    if (named !== undefined) return [named];
    return typeof additionalProperties === 'object' ? [additionalProperties] : [];
  });
}
