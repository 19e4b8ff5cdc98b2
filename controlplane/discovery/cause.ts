// Decides how the reason why a server could not be read is said to an operator: what was found, and where to look.
import type { EgressAnswer } from '../../core/mcp/egress.ts';

type Failure = Extract<EgressAnswer, { ok: false }>;

/** First match wins. Envoy's own words stay in brackets: they are what its documentation and logs say. */
const CAUSES: readonly (readonly [RegExp, (found: RegExpExecArray, path: string) => string])[] = [
  [
    /^HTTP 503: (no healthy upstream)/,
    ([, words]) => `none of its endpoints accepts connections: is it running, are host and port right? (${words})`,
  ],
  // Of a cluster that Envoy does not have its egress says nothing but 503.
  [/^HTTP 503: *$/, () => 'Envoy does not have it (yet), or refused it: see "chancery get nodes"'],
  [
    /^HTTP 50[0-9]: upstream connect error.*reset reason: (protocol error)/s,
    ([, words]) => `its endpoint does not speak HTTP: is it http or https? (${words})`,
  ],
  [
    /^HTTP 50[0-9]: upstream connect error.*reset reason: (.{1,120})/s,
    ([, words]) => `the connection to its endpoint failed (${words})`,
  ],
  [
    /^HTTP (3\d\d)\b/,
    ([, status]) => `it answers with a redirect (HTTP ${status}), which is never followed: register where it leads to`,
  ],
  [
    /^HTTP 400: .*"code":-32022\b.*"supported":\[([^\]]{1,200})\]/s,
    ([, versions]) => `it speaks only ${versions}, and not to us (HTTP 400)`,
  ],
  [
    /^HTTP (401|403)\b/,
    ([, status]) => `it refuses us (HTTP ${status}): it wants credentials, or others than those of "auth"`,
  ],
  [/^HTTP (404|405)\b/, ([, status], path) => `no MCP endpoint at ${path} (HTTP ${status}): is the path right?`],
  // The bridge, and servers that say what they mind, answer with a JSON-RPC error.
  [
    /^HTTP (\d{3}): \{.*"message":"((?:[^"\\]|\\.){1,200})/s,
    ([, status, words]) => `${readString(words ?? '')} (HTTP ${status})`,
  ],
  [/^(found ".*", wanted .*)$/s, ([, words], path) => `${words}: is ${path} an MCP endpoint?`],
  [/^(the body is not a JSON object)$/, ([, words], path) => `${words}: is ${path} an MCP endpoint?`],
];

/** Total. `path`: of the MCP endpoint. */
export function causeOf({ detail }: Pick<Failure, 'detail'>, path: string): string {
  for (const [pattern, sentence] of CAUSES) {
    const found = pattern.exec(detail);
    if (found !== null) return sentence(found, path);
  }
  return detail;
}

function readString(escaped: string): string {
  try {
    return String(JSON.parse(`"${escaped}"`));
  } catch {
    return escaped;
  }
}
