// Decides what is said of a check that is worse through the gateway, so that each has a reason that somebody can reopen.
import type { Recorded } from './compare.ts';

const REASONS: readonly { readonly check: RegExp; readonly reason: string }[] = [
  {
    check: /^mcp-client-initialization /,
    reason:
      'the suite wants 2025-06-18 or later of every `initialize` that it sees. Before any client calls, the control plane ' +
      'asks a server for each version, also for 2025-03-26, to know in which a session can be opened. What Chancery sends ' +
      'for the client is the version that was negotiated with it.',
  },
  {
    check: /^sep-2575-(http-client-sends-version-header|client-populates-meta|client-sends-client-info) /,
    reason:
      'the suite takes every request for one of the modern era. The control plane reads a server in the legacy era first, ' +
      'as one of both eras does not say which others it speaks, and asks with a request that says too little whether the ' +
      'server refuses it. For the client nothing is sent at all here: the server has nothing, and lists come from the catalog.',
  },
];

/** A section of the document; '' when nothing is worse. @throws Error at a check without a reason. */
export function reasons(found: Recorded): string {
  const lines = Object.entries(found).flatMap(([surface, sets]) =>
    Object.entries(sets).flatMap(([set, scenarios]) =>
      Object.entries(scenarios).flatMap(([scenario, checks]) =>
        Object.entries(checks).map(([check, outcome]) => {
          const reason = REASONS.find((each) => each.check.test(check))?.reason;
          if (reason === undefined)
            throw new Error(
              `"${scenario} › ${check}" is worse on ${surface} (${set}): mend it, or say why in reasons.ts`,
            );
          return { where: `- \`${surface}\`, ${set}, ${scenario}: ${check} is ${outcome}`, reason };
        }),
      ),
    ),
  );
  if (lines.length === 0) return '';
  const sections = [...Map.groupBy(lines, ({ reason }) => reason)].map(
    ([reason, each]) => `${each.map(({ where }) => where).join('\n')}\n\n  Because ${reason}\n`,
  );
  return `## What is worse, and why\n\n${sections.join('\n')}`;
}
