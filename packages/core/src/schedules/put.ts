import * as z from "zod";
import * as actor from "../actor/index.ts";
import { now } from "../clock/index.ts";
import * as database from "../database/index.ts";
import { VisibleError } from "../error/index.ts";
import { fn } from "../fn/index.ts";
import { requireAdmin } from "../identity/index.ts";
import { Definition, Name, nextOf, type When, whenOf } from "./definition.ts";
import { askToSync, checkPayload } from "./engine.ts";
import { tell } from "./events.ts";
import { present, type Schedule } from "./read.ts";
import { lock, type Row, write } from "./rows.ts";

/** A payload is kept in the row and copied to each job: what is larger belongs into the object store. */
const longestPayload = 64 * 1024;

/** `revision` of the schedule that the caller has seen; the change is refused when it is another one by now. */
const Expected = z.object({ name: Name, revision: z.int().optional() });

export const put = fn(
  Expected.extend({ definition: Definition }),
  async ({ name, revision, definition }): Promise<Schedule> => {
    requireAdmin();
    return present(await change(name, definition, { revision }));
  },
);

/**
 * Writes what is wanted, and asks for Scheduler to be told, in one transaction. The same again changes nothing.
 * @param options.byPerson Whether a person wants it; deployments do not touch what a person has changed.
 */
async function change(
  name: string,
  definition: Definition,
  { revision }: { revision?: number | undefined },
): Promise<Row> {
  return database.transaction(
    async (handle) => {
      const known = (await lock(handle, [name])).get(name);
      const alive = known?.deletedAt ? undefined : known;
      const wanted = columnsOf(definition, alive);
      if (alive && isSame(alive, wanted)) return alive;
      if (revision !== undefined && revision !== alive?.revision) throw outdated(alive);
      if (alive?.builtIn && wanted.jobType !== alive.jobType)
        throw new VisibleError(
          "conflict",
          "built_in",
          "A built-in schedule keeps its job type. Pause it instead.",
        );
      const at = new Date(now());
      // Only a change of when it runs begins anew; else what is due and not done stays owed.
      const goesOn = alive && !alive.paused && isSameTiming(alive, wanted);
      const row = {
        ...wanted,
        name,
        nextDueAt: wanted.paused ? null : goesOn ? alive.nextDueAt : nextOf(wanted, at.getTime()),
        builtIn: alive?.builtIn ?? false,
        changedByPerson:
          (alive?.changedByPerson ?? false) ||
          !alive?.builtIn ||
          !isSame(alive, { ...wanted, paused: alive.paused }),
        revision: nextRevision(known),
        reliedFrom: null,
        syncError: null,
        deletedAt: null,
        createdAt: alive?.createdAt ?? at,
        updatedAt: at,
        updatedBy: by(),
      };
      await write(handle, row, { insert: !known });
      await askToSync(name, row.revision);
      const written = (await lock(handle, [name])).get(name);
      if (!written) throw new Error("a schedule that was written is not there");
      await tell("schedule.changed", [{ name, revision: written.revision, paused: written.paused }]);
      return written;
    },
    { repeatable: true },
  );
}

export const remove = fn(Expected, async ({ name, revision }): Promise<void> => {
  requireAdmin();
  await database.transaction(
    async (handle) => {
      const row = (await lock(handle, [name])).get(name);
      // Removed before: the same answer.
      if (!row || row.deletedAt) return;
      if (revision !== undefined && revision !== row.revision) throw outdated(row);
      if (row.builtIn)
        throw new VisibleError("conflict", "built_in", "A built-in schedule stays. Pause it instead.");
      await markRemoved(handle, row);
      await tell("schedule.removed", [{ name }]);
    },
    { repeatable: true },
  );
});

/** The row stays until Scheduler has nothing of that name any more: it cannot be asked for what it has. */
export async function markRemoved(handle: database.Handle, row: Row): Promise<void> {
  const revision = nextRevision(row);
  const at = new Date(now());
  await write(handle, {
    name: row.name,
    revision,
    deletedAt: at,
    nextDueAt: null,
    reliedFrom: null,
    syncError: null,
    updatedAt: at,
    updatedBy: by(),
  });
  await askToSync(row.name, revision);
}

/** Grows with time as well: a schedule of a name that was used before does not take its late messages for its own. */
export function nextRevision(row: Pick<Row, "revision"> | undefined): number {
  return Math.max((row?.revision ?? 0) + 1, now());
}

export type Wanted = When &
  Pick<
    Row,
    "jobType" | "payload" | "description" | "overlap" | "catchUp" | "catchUpLimit" | "priority" | "paused"
  >;

/** @throws VisibleError `validation` for an unknown type or a payload that its schema refuses. */
export function columnsOf(definition: Definition, before: Row | undefined): Wanted {
  const payload: unknown = definition.payload ?? {};
  if (Buffer.byteLength(JSON.stringify(payload)) > longestPayload)
    throw new VisibleError(
      "validation",
      "payload_too_large",
      `A schedule's payload has at most ${longestPayload} bytes.`,
    );
  checkPayload(definition.type, payload);
  // A rate goes on in its rhythm when something else about it changes.
  const anchor =
    before?.kind === "every" && before.startAt === null && before.expression === definition.every?.trim()
      ? before.anchor
      : null;
  return {
    ...whenOf(definition, now(), anchor),
    jobType: definition.type,
    payload,
    description: definition.description,
    overlap: definition.overlap,
    catchUp: definition.catchUp,
    catchUpLimit: definition.catchUpLimit,
    priority: definition.priority ?? null,
    paused: definition.paused,
  };
}

/** Not by `import`, which evaluates every export of `node:util`: 3 ms of each cold start of the API. */
const { isDeepStrictEqual } = process.getBuiltinModule("node:util");

export function isSame(row: Row, wanted: Wanted): boolean {
  return (Object.keys(wanted) as (keyof Wanted)[]).every((key) => isDeepStrictEqual(row[key], wanted[key]));
}

export function isSameTiming(row: When, { kind, expression, zone, anchor, startAt, endAt }: When): boolean {
  const timing = { kind, expression, zone, anchor, startAt, endAt };
  return (Object.keys(timing) as (keyof When)[]).every((key) => isDeepStrictEqual(row[key], timing[key]));
}

function outdated(row: Row | undefined): VisibleError {
  return new VisibleError(
    "precondition_failed",
    "schedule_changed",
    row
      ? "The schedule was changed since you read it: read it again, and change that."
      : "There is no such schedule any more.",
  );
}

function by(): string {
  const current = actor.current();
  return current.kind === "user" ? current.userId : current.name;
}
