// Decides what a rule's conditions see of a call.
import type { JsonObject } from '../json.ts';
import type { Value } from '../mcp/value.ts';
import { type Scope, UNKNOWN, type Unknown } from './cel/types.ts';
import { annotationsFor } from './pattern.ts';
import type { Principal, RequestFacts, Rule, Target } from './types.ts';

export interface Question {
  /** Name of the surface. */
  readonly surface: string;
  readonly principal: Principal;
  readonly target: Target;
  /** Asked only when a condition reads them. Absent: not known, as for a list. */
  readonly args?: () => Value;
  /** What the token said is not known any more, as of a record. */
  readonly claimsUnknown?: true;
  /** Labels that earlier calls left; null: not known now. */
  readonly labels: () => readonly string[] | null;
  readonly request: RequestFacts;
  /** Epoch milliseconds. */
  readonly nowMs: number;
}

/** Makes each part once for a question, and only when a condition reads it. */
export class ScopeOf implements Scope {
  readonly #question: Question;
  readonly #effect: Rule['effect'];
  #args: Value | Unknown | undefined;
  #tool: Value | undefined;
  #session: Value | undefined;
  #request: Value | undefined;

  constructor(question: Question, effect: Rule['effect']) {
    this.#question = question;
    this.#effect = effect;
  }

  get args(): Value | Unknown {
    this.#args ??= this.#question.args?.() ?? UNKNOWN;
    return this.#args;
  }

  get jwt(): Value | Unknown {
    return this.#question.claimsUnknown === true ? UNKNOWN : asValue(this.#question.principal.claims);
  }

  get tool(): Value {
    const { name, server, facts } = this.#question.target;
    this.#tool ??= asValue({
      name,
      server,
      title: facts.title,
      version: facts.version,
      labels: facts.labels,
      classification: facts.classification,
      annotations: annotationsFor(this.#effect, facts),
    });
    return this.#tool;
  }

  get session(): Value {
    if (this.#session !== undefined) return this.#session;
    const labels = this.#question.labels();
    // What is not known is not there: a condition that reads it is indeterminate, so a denial holds and nothing is allowed.
    this.#session = asValue(labels === null ? {} : { labels });
    return this.#session;
  }

  get request(): Value {
    const { surface, principal, request } = this.#question;
    this.#request ??= asValue({
      surface,
      method: request.method,
      era: request.era,
      protocolVersion: request.protocolVersion,
      // What is not known is not there: a condition that reads it is indeterminate.
      ...(request.address === null ? {} : { address: request.address }),
      ...(principal.agent === null ? {} : { agent: principal.agent }),
      subject: principal.subject,
      issuer: principal.issuer,
      groups: principal.groups,
      scopes: principal.scopes,
      tasks: principal.tasks,
    });
    return this.#request;
  }

  get time(): number {
    return this.#question.nowMs;
  }
}

/** JSON that was read by us is a value as it is. */
function asValue(json: JsonObject): Value {
  return json;
}
