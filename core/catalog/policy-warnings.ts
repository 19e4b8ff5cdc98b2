// Decides what the author of a policy is warned of: rules that can be read, and that say nothing about the tools that there are.
import { isObject } from '../json.ts';
import { LIMITS } from '../limits.ts';
import { typeCheck } from '../policy/cel/check.ts';
import { compileCondition } from '../policy/cel/compile.ts';
import { compileGlob } from '../policy/glob.ts';
import { compileTarget, type TargetTest } from '../policy/pattern.ts';
import type { Policy, Rule, Target, TargetPattern } from '../policy/types.ts';
import type { Catalog, JsonObject } from './catalog.ts';
import { isServed } from './choose.ts';
import { factsOf } from './facts.ts';

interface Tool {
  readonly target: Target;
  readonly inputSchema: JsonObject | null;
}
interface Reaching {
  readonly pattern: TargetPattern;
  readonly test: TargetTest | null;
}

/** One sentence each, at most LIMITS.policyWarningsMax. Of nothing while no server was read. Total. */
export function policyWarnings(catalog: Catalog, { rules }: Policy): readonly string[] {
  const tools = toolsOf(catalog);
  const unread = [...catalog.servers.values()].filter(({ versions }) =>
    versions.some((version) => isServed(version) && version.discovered === null),
  );
  const warnings: string[] = [];
  if (tools.length === 0) return warnings;
  let looksLeft: number = LIMITS.policyWarningLooksMax;
  for (const rule of rules) {
    const patterns = (rule.tools ?? []).map((pattern) => ({
      pattern,
      test: compileTarget(pattern, 'tool', rule.effect),
    }));
    looksLeft -= tools.length * patterns.length;
    if (looksLeft < 0 || warnings.length >= LIMITS.policyWarningsMax) break;
    const settled = patterns.filter(
      ({ pattern }) => isName(pattern) && !unread.some(({ name }) => mayName(pattern, name)),
    );
    warnings.push(...ofRule(rule, patterns, settled, tools));
  }
  return warnings.slice(0, LIMITS.policyWarningsMax);
}

function ofRule(
  rule: Rule,
  patterns: readonly Reaching[],
  settled: readonly Reaching[],
  tools: readonly Tool[],
): string[] {
  const reaches = ({ test }: Reaching, { target }: Tool): boolean => test?.(target) === true;
  const idle = settled.filter((each) => !tools.some((tool) => reaches(each, tool)));
  const reached = tools.filter((tool) => patterns.some((each) => reaches(each, tool)));
  const { approve } = rule.obligations ?? {};
  const conditions = [...(rule.when ?? []), ...(approve?.when === undefined ? [] : [approve.when])];
  return [
    ...idle.map(({ pattern }) => `rule ${rule.id}: ${JSON.stringify(pattern)} is no tool of a server that was read`),
    ...conditions.flatMap((text) => {
      const said = misfit(text, reached);
      return said === null ? [] : [`rule ${rule.id}: ${said}`];
    }),
  ];
}

/** A label, a classification or everything of a server may come to be: only a name is meant as it is. */
function isName(pattern: TargetPattern): pattern is string {
  return typeof pattern === 'string' && !pattern.startsWith('@') && pattern !== '*';
}

function mayName(pattern: TargetPattern, server: string): boolean {
  return typeof pattern === 'string' && compileGlob(pattern.replace(/\/.*$/s, ''))(server);
}

/** Of the first tool whose arguments it does not fit. */
function misfit(text: string, reached: readonly Tool[]): string | null {
  const compiled = compileCondition(text);
  if (!compiled.ok) return null;
  for (const { target, inputSchema } of reached) {
    const problem = inputSchema === null ? null : typeCheck(compiled.condition, inputSchema);
    if (problem !== null) return `${problem} (${target.server}/${target.name})`;
  }
  return null;
}

function toolsOf({ servers }: Catalog): Tool[] {
  return [...servers.values()].flatMap((server) =>
    server.versions.filter(isServed).flatMap((version) =>
      (version.discovered?.tools.full ?? []).flatMap((item): Tool[] => {
        const { name, inputSchema } = item;
        if (typeof name !== 'string') return [];
        const facts = factsOf(server, version, item, name);
        const target: Target = { kind: 'tool', server: server.name, name, facts };
        return [{ target, inputSchema: isObject(inputSchema) ? inputSchema : null }];
      }),
    ),
  );
}
