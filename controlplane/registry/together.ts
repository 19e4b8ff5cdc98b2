// Decides whether documents fit each other and this gateway, once each is right by itself.
import type { Document, DocumentKind, Problem } from '../../core/catalog/document.ts';
import type { Networks } from '../../core/catalog/networks.ts';
import { issuerProblems } from './check-issuer.ts';
import { lifecycleProblems } from './check-lifecycle.ts';
import { policyProblems } from './check-policy.ts';
import { secretProblems } from './check-secret.ts';
import { serverProblems } from './check-server.ts';
import { surfaceProblems } from './check-surface.ts';
import type { Wanted } from './edit.ts';
import { type DocumentProblem, keyOf } from './problem.ts';
import type { State } from './state.ts';

/** What of the settings limits the documents. */
export interface Constraints {
  /** Address that the gateway listens on. */
  readonly host: string;
  /** Absolute. */
  readonly runDir: string;
  /** Where endpoints may lie. */
  readonly networks: Networks;
  /** Where the gateway itself is: its port, and the host and port of its public URL. */
  readonly own: { readonly host: string; readonly port: number; readonly authority: string };
  /** Agents may show certificates. */
  readonly clientCertificates?: boolean;
  /** Values of `iss` that are the gateway's own. */
  readonly ownIssuers?: readonly string[];
}

/** What a document is held against. */
export interface Around {
  readonly before: State;
  /** As if all had been written. */
  readonly after: State;
  /** `<kind>/<name>` of what the request gives, though with problems of its own: nobody else is blamed for these. */
  readonly claimed: ReadonlySet<string>;
  /** A rollback brings states back whatever may follow what. */
  readonly rollback: boolean;
  /** The author says why, or only asks what would be. */
  readonly reasoned: boolean;
  readonly constraints: Constraints;
}

type Check<Kind extends DocumentKind> = (
  document: Extract<Document, { readonly kind: Kind }>,
  around: Around,
) => Problem[];

/** Each asks indexes of the state: a check costs what its document costs, however many others there are. */
const CHECKS: { readonly [Kind in DocumentKind]: readonly Check<Kind>[] } = {
  Secret: [secretProblems],
  Server: [serverProblems, lifecycleProblems],
  Issuer: [issuerProblems],
  Surface: [surfaceProblems],
  Policy: [policyProblems],
  Revocation: [],
  NodeGroup: [],
  Runtime: [],
};

/** All problems of the request's documents with each other and with what is stored. Pure. */
export function checkTogether(
  wanted: Wanted,
  before: State,
  after: State,
  constraints: Constraints,
  reasoned: boolean,
): DocumentProblem[] {
  const claimed = new Set(wanted.claims.map(keyOf));
  const around: Around = { before, after, claimed, rollback: wanted.source !== undefined, reasoned, constraints };
  return [
    ...repeated(wanted),
    ...wanted.claims.flatMap(({ document, index }) =>
      document === null ? [] : problemsOf(document, around).map((problem) => ({ document: index, ...problem })),
    ),
    ...stillNamed(wanted, around),
  ];
}

function problemsOf(document: Document, around: Around): Problem[] {
  const checks = CHECKS[document.kind] as readonly ((document: Document, around: Around) => Problem[])[];
  return checks.flatMap((check) => check(document, around));
}

function repeated({ claims, deletes, documents }: Wanted): DocumentProblem[] {
  const problems: DocumentProblem[] = [];
  const gone = new Set(deletes.map(keyOf));
  const given = new Set<string>();
  for (const { kind, name, index } of claims) {
    const key = keyOf({ kind, name });
    const problem = (what: string): void =>
      void problems.push({ document: index, path: ['name'], message: `${kind} "${name}" is ${what}` });
    if (given.has(key)) problem('given twice');
    if (gone.has(key)) problem('also to be deleted');
    given.add(key);
  }
  const deleted = new Set<string>();
  for (const [index, name] of deletes.entries()) {
    if (deleted.has(keyOf(name))) {
      problems.push({ document: documents + index, path: [], message: `${name.kind} "${name.name}" is deleted twice` });
    }
    deleted.add(keyOf(name));
  }
  return problems;
}

const HOLDERS_SHOWN_MAX = 5;

/** What stays may not lose what it names; what is given itself was asked by its own check. */
function stillNamed({ deletes, documents }: Wanted, { after, claimed }: Around): DocumentProblem[] {
  return deletes.flatMap((deleted, index) => {
    const holders = [...(after.references.get(keyOf(deleted)) ?? [])].filter((holder) => !claimed.has(holder));
    const [first] = holders;
    if (first === undefined) return [];
    const shown = holders.slice(0, HOLDERS_SHOWN_MAX).map((holder) => `"${holder.slice(holder.indexOf('/') + 1)}"`);
    const more = holders.length > shown.length ? ` and ${holders.length - shown.length} more` : '';
    const by = `${first.slice(0, first.indexOf('/')).toLowerCase()} ${shown.join(', ')}${more}`;
    const message = `the ${deleted.kind.toLowerCase()} "${deleted.name}" is named by ${by}: take it out there first`;
    return [{ document: documents + index, path: [], message }];
  });
}
