import * as actor from "../actor/index.ts";
import { now } from "../clock/index.ts";
import * as database from "../database/index.ts";
import { parse } from "../fn/index.ts";
import * as log from "../log/index.ts";
import { Definition, nextOf } from "./definition.ts";
import { askToSync } from "./engine.ts";
import { columnsOf, isSame, markRemoved, nextRevision, type Wanted } from "./put.ts";
import { lock, type Row, selected, write } from "./rows.ts";

/** What the system does of itself. Its minute by minute work is the outbox sweep's, which needs no Scheduler. */
export const builtIn: readonly ({ name: string; description: string; type: string } & (
  | { every: string }
  | { cron: string }
))[] = [
  {
    name: "delete-sqs-files",
    description: "Deletes objects that are not needed any more, and finds those that were left behind.",
    type: "deleteSQSFiles",
    every: "1 hour",
  },
  {
    name: "expire-tickets",
    description: "Removes tickets of sockets that nobody used.",
    type: "expireTickets",
    every: "1 hour",
  },
  {
    name: "expire-uploads",
    description: "Ends uploads whose file never came, and pictures that nobody managed to process.",
    type: "expireUploads",
    every: "15 minutes",
  },
  {
    name: "forget-dead-letters",
    description: "Empties what is kept of dead letters that SQS has forgotten.",
    type: "forgetDeadLetters",
    every: "1 day",
  },
  {
    name: "prune-jobs",
    description: "Removes jobs that ended long ago.",
    type: "pruneJobs",
    cron: "17 3 * * ? *",
  },
];

/**
 * Makes the built-in schedules of this release, and removes those of releases before. What a person has changed stays
 * as they want it, and paused ones stay paused. Needs the database alone: Scheduler is told by the jobs consumer.
 * @returns How many were made, changed or removed.
 */
export async function ensureBuiltIn(wanted: readonly { name: string }[] = builtIn): Promise<number> {
  const changed = await database.transaction(async (handle) => {
    const old = await handle.query<Row>(
      `select ${selected} from frontdesk.schedules s where s.built_in and s.deleted_at is null and s.name <> all($1)
        order by s.name for update`,
      [wanted.map(({ name }) => name)],
    );
    for (const row of old) await markRemoved(handle, row);
    const known = await lock(
      handle,
      wanted.map(({ name }) => name),
    );
    let count = old.length;
    for (const { name, ...definition } of wanted)
      if (await ensure(handle, name, parse(Definition, definition), known.get(name))) count += 1;
    return count;
  });
  if (changed > 0) log.info("built-in schedules are made", { changed });
  return changed;
}

async function ensure(
  handle: database.Handle,
  name: string,
  definition: Definition,
  known: Row | undefined,
): Promise<boolean> {
  const alive = known?.deletedAt ? undefined : known;
  if (alive?.changedByPerson) return false;
  const columns = columnsOf(definition, alive);
  // Without a start a rate begins when it is first made.
  const wanted: Wanted = { ...columns, paused: alive?.paused ?? columns.paused };
  if (alive && isSame(alive, wanted)) return false;
  const at = new Date(now());
  const revision = nextRevision(known);
  await write(
    handle,
    {
      ...wanted,
      name,
      nextDueAt: wanted.paused ? null : nextOf(wanted, at.getTime()),
      builtIn: true,
      changedByPerson: false,
      revision,
      reliedFrom: null,
      syncError: null,
      deletedAt: null,
      createdAt: alive?.createdAt ?? at,
      updatedAt: at,
      updatedBy: actorName(),
    },
    { insert: !known },
  );
  await askToSync(name, revision);
  return true;
}

function actorName(): string {
  const current = actor.current();
  return current.kind === "user" ? current.userId : current.name;
}
