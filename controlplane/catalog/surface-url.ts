// Decides where a surface is found: its path at the gateway, and the URL that is the audience of its tokens.

/** `/mcp` for `default`, else `/mcp/<name>`. */
export function surfacePath(name: string): string {
  return name === 'default' ? '/mcp' : `/mcp/${name}`;
}

/** `publicUrl` has no trailing slash. */
export function surfaceUrl(publicUrl: string, name: string): string {
  return `${publicUrl}${surfacePath(name)}`;
}
