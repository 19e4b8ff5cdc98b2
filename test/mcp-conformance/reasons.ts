// Decides what is said of a check that is worse through the gateway, so that each has a reason that somebody can reopen.
import type { Recorded } from './compare.ts';

const REASONS: readonly { readonly check: RegExp; readonly reason: string }[] = [
  {
    check: /^sep-2575-server-sends-(tools|prompts)-list-changed-on-subscription /,
    reason:
      'the fixture says that a list changed when it did not, and the suite waits 1.5 s. Chancery answers lists from what it ' +
      'read of its servers: at such a word it reads the server again, once in 5 s at the most, and tells a client that a ' +
      'list changed when the list which that client sees did. Passed on at once, the word would make clients fetch the ' +
      'list that they have.',
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
