// Decides how a node of an expression is written.
import type { Node } from './tree.ts';

const OPERATORS: readonly (readonly [RegExp, number])[] = [
  [/^_\|\|_$/, 1],
  [/^_&&_$/, 2],
  [/^(_(==|!=|<|<=|>|>=)_|@in)$/, 3],
  [/^_[+-]_$/, 4],
  [/^_[*/%]_$/, 5],
  [/^[!-]_$/, 6],
];
const HIGHEST = 7;

function precedenceOf(node: Node): number {
  if (node.kind === 'literal' && (typeof node.value === 'number' || typeof node.value === 'bigint') && node.value < 0)
    return 6;
  if (node.kind !== 'call') return HIGHEST;
  if (node.name === '_?_:_') return 0;
  return OPERATORS.find(([pattern]) => pattern.test(node.name))?.[1] ?? HIGHEST;
}

/** As an operand beside which `least` binds. */
function operand(node: Node, least: number): string {
  return precedenceOf(node) < least ? `(${textOf(node)})` : textOf(node);
}

export function textOf(node: Node): string {
  switch (node.kind) {
    case 'literal':
      return typeof node.value === 'number' && Number.isInteger(node.value)
        ? `${node.value}.0`
        : typeof node.value === 'string'
          ? JSON.stringify(node.value)
          : String(node.value);
    case 'name':
      return node.name;
    case 'select':
      return `${operand(node.of, HIGHEST)}.${node.key}`;
    case 'has':
      return `has(${textOf(node.of)}.${node.key})`;
    case 'list':
      return `[${node.items.map(textOf).join(', ')}]`;
    case 'map':
      return `{${node.entries.map(([key, value]) => `${textOf(key)}: ${textOf(value)}`).join(', ')}}`;
    case 'macro': {
      const asked =
        node.macro === 'filter' ? [node.test ?? node.body] : node.test === null ? [node.body] : [node.test, node.body];
      return `${operand(node.range, HIGHEST)}.${node.macro}(${[node.variable, ...asked.map(textOf)].join(', ')})`;
    }
    case 'method': {
      const [of, ...args] = node.args;
      return `${operand(of!, HIGHEST)}.${node.name}(${args.map(textOf).join(', ')})`;
    }
    case 'call':
      return callText(node);
  }
}

function callText(node: Extract<Node, { kind: 'call' }>): string {
  const { name, args } = node;
  const [first, second, third] = args;
  if (name === '_?_:_') return `${operand(first!, 1)} ? ${operand(second!, 1)} : ${textOf(third!)}`;
  if (name === '_[_]') return `${operand(first!, HIGHEST)}[${textOf(second!)}]`;
  const precedence = precedenceOf(node);
  if (precedence === HIGHEST) return `${name}(${args.map(textOf).join(', ')})`;
  if (args.length === 1) return `${name.slice(0, -1)}${operand(first!, HIGHEST)}`;
  const sign = name === '@in' ? 'in' : name.slice(1, -1);
  // These may be grouped either way, and a parser groups long ones as it likes.
  const isLogical = name === '_||_' || name === '_&&_';
  return `${operand(first!, precedence)} ${sign} ${operand(second!, isLogical ? precedence : precedence + 1)}`;
}
