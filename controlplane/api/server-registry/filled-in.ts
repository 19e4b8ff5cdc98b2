// Decides what a text of a server.json is once its {variables} have their values.
import type { ServerJsonRemote } from './server-json.ts';

type Variables = ServerJsonRemote['variables'];

/** "Identifiers wrapped in {curly_braces} will be replaced with the corresponding properties from `variables`." */
export function filledIn(text: string, variables: Variables): { readonly text: string } | { readonly missing: string } {
  let missing: string | undefined;
  const filled = text.replace(/\{([A-Za-z_][A-Za-z0-9_]*)\}/g, (whole, name: string) => {
    const variable = variables !== undefined && Object.hasOwn(variables, name) ? variables[name] : undefined;
    const value = variable?.isSecret === true ? undefined : (variable?.value ?? variable?.default);
    if (value === undefined) missing ??= name;
    return value ?? whole;
  });
  return missing === undefined ? { text: filled } : { missing };
}
