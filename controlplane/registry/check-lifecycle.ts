// Decides whether each version of a server may go from the state that is stored into the one that is given, or leave.
import type { Problem, ServerDocument } from '../../core/catalog/document.ts';
import { LIFECYCLE, type LifecycleState, REMOVABLE_STATES, transitionProblem } from '../../core/catalog/lifecycle.ts';
import { versionKey } from './state.ts';
import type { Around } from './together.ts';

/** The history of a version says who moved it, when and why. */
const WHY = 'a change of state needs a reason: the header Chancery-Reason, "why" beside the documents, or --why';

export function lifecycleProblems(server: ServerDocument, { before, rollback, reasoned }: Around): Problem[] {
  if (rollback) return [];
  const stored = before.documents.Server.get(server.name)?.document;
  // A whole server that is new comes as it was elsewhere: what an export shows can be restored.
  if (stored === undefined) return [];
  const problems: Problem[] = [];
  for (const [index, { version, state }] of server.versions.entries()) {
    const from = before.versions.get(versionKey(server.name, version))?.state ?? null;
    const message = transitionProblem(from, state);
    if (message !== null) problems.push({ path: ['versions', index, 'state'], message });
    else if (from !== null && from !== state && !reasoned)
      problems.push({ path: ['versions', index, 'state'], message: WHY });
  }
  const given = new Set(server.versions.map(({ version }) => version));
  for (const { version, state } of stored.kind === 'Server' ? stored.versions : []) {
    if (given.has(version) || REMOVABLE_STATES.includes(state)) continue;
    const way = wayOut(state)
      .map((next) => `"${next}"`)
      .join(', then ');
    problems.push({
      path: ['versions'],
      message: `the version "${version}" is "${state}" and cannot be left out: make it ${way} first`,
    });
  }
  return problems;
}

/** The shortest way to a state in which a version may leave. */
function wayOut(state: LifecycleState): readonly LifecycleState[] {
  const ways: (readonly LifecycleState[])[] = [[state]];
  const seen = new Set<LifecycleState>([state]);
  // Grows while it is walked, each state once.
  for (const way of ways) {
    const last = way.at(-1) ?? state;
    if (REMOVABLE_STATES.includes(last)) return way.slice(1);
    for (const next of LIFECYCLE[last].next) {
      if (seen.has(next)) continue;
      seen.add(next);
      ways.push([...way, next]);
    }
  }
  return [];
}
