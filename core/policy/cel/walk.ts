// Decides in which order the nodes of an expression are met.
import type { Node } from './tree.ts';

/** Each node, with the variables of the macros around it. */
export function eachNode(
  node: Node,
  variables: ReadonlySet<string>,
  visit: (node: Node, variables: ReadonlySet<string>) => void,
): void {
  visit(node, variables);
  if (node.kind === 'macro') {
    eachNode(node.range, variables, visit);
    const inside = new Set([...variables, node.variable]);
    if (node.test !== null) eachNode(node.test, inside, visit);
    eachNode(node.body, inside, visit);
    return;
  }
  for (const child of childrenOf(node)) eachNode(child, variables, visit);
}

/** Of a macro, only what it goes over: the rest needs its variable. */
export function childrenOf(node: Node): readonly Node[] {
  switch (node.kind) {
    case 'select':
    case 'has':
      return [node.of];
    case 'call':
    case 'method':
      return node.args;
    case 'list':
      return node.items;
    case 'map':
      return node.entries.flat();
    case 'macro':
      return [node.range];
    default:
      return [];
  }
}
