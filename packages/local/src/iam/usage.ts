/** Which of the granted statements a run used. */
import type { AuthorisationRequest } from "../cloud/types.ts";
import type { Decision } from "./evaluate.ts";
import type { Context } from "./pattern.ts";
import type { Statement, StatementRef } from "./statement.ts";

/** What became of one statement, for the list of grants at the end of a run. */
export interface StatementUse extends StatementRef {
  effect: "Allow" | "Deny";
  /** It allowed, or denied, at least one request. */
  used: boolean;
  /** At least one request would have been denied without it. */
  decisive: boolean;
  /** Actions of requests, e.g. `sqs:SendMessage`. */
  actions: string[];
  /** Entries of Action, as written, that no request asked for. */
  unusedActions: string[];
  /** Entries of Resource, as written, by whether a request asked for one they cover. */
  usedResources: string[];
  unusedResources: string[];
}

interface Tally {
  decisive: boolean;
  actions: Set<string>;
  patterns: Set<string>;
  resources: Set<string>;
}

const nothing: Context = new Map();

export class Usage {
  readonly #tallies = new Map<string, Tally>();
  readonly #statements = new Map<string, Statement>();
  readonly #order: Statement[];

  constructor(statements: Statement[]) {
    this.#order = statements;
    for (const statement of statements) this.#statements.set(id(statement.ref), statement);
  }

  note(decision: Decision, request: AuthorisationRequest): void {
    for (const ref of decision.statements) {
      const key = id(ref);
      const statement = this.#statements.get(key);
      if (!statement) continue;
      let tally = this.#tallies.get(key);
      if (!tally) {
        tally = { decisive: false, actions: new Set(), patterns: new Set(), resources: new Set() };
        this.#tallies.set(key, tally);
      }
      tally.actions.add(request.action);
      if (decision.decisive && id(decision.decisive) === key) tally.decisive = true;
      for (const { text, matcher } of statement.actions)
        if (matcher.matches(request.action, nothing)) tally.patterns.add(text);
      for (const { text, matcher } of statement.resources)
        if (text.includes("${") || matcher.matches(request.resource, nothing)) tally.resources.add(text);
    }
  }

  list(): StatementUse[] {
    return this.#order.map((statement) => {
      const tally = this.#tallies.get(id(statement.ref));
      const actions = statement.source.NotAction === undefined ? statement.actions : [];
      const resources = statement.source.NotResource === undefined ? statement.resources : [];
      return {
        ...statement.ref,
        effect: statement.effect,
        used: tally !== undefined,
        decisive: tally?.decisive ?? false,
        actions: [...(tally?.actions ?? [])].sort(),
        unusedActions: actions.map(({ text }) => text).filter((text) => !tally?.patterns.has(text)),
        usedResources: resources.map(({ text }) => text).filter((text) => tally?.resources.has(text)),
        unusedResources: resources.map(({ text }) => text).filter((text) => !tally?.resources.has(text)),
      };
    });
  }
}

export function id(ref: StatementRef): string {
  return `${ref.kind}|${ref.holder}|${ref.policy}|${ref.index}`;
}
