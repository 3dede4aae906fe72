import * as z from "zod";
import { now } from "../clock/index.ts";
import { define } from "../jobs/define.ts";
import { enqueue } from "../jobs/index.ts";

/** Time for one run; the next job goes on. */
const budgetMs = 40_000;

/**
 * Deletes objects of the home bucket: those that were asked for, and with `orphans` those that nobody refers to. The
 * name is that of the company's notes. The one job that deletes, in the one function that may.
 */
export const deleteSQSFiles = define({
  name: "deleteSQSFiles",
  description:
    "Deletes objects that are not needed any more: claims, pictures, and with `orphans` what was left behind.",
  schema: z.strictObject({
    /** Look for orphans too. */
    orphans: z.boolean().default(true),
    /** Where the run before stopped looking. */
    after: z.string().max(1_024).optional(),
  }),
  options: { timeoutMs: 60_000, concurrency: { total: 1 } },
  handler: async (
    { orphans, after },
    job,
  ): Promise<{ deleted: number; kept: number; failed: number; orphans: number }> => {
    const [{ findOrphans }, { nextDue, round }] = await Promise.all([
      import("./orphans.ts"),
      import("./run.ts"),
    ]);
    const until = now() + budgetMs;
    const done = { deleted: 0, kept: 0, failed: 0, orphans: 0 };
    const stopped = () => job.signal.aborted || now() > until;
    const deleteDue = async () => {
      while (!stopped()) {
        const result = await round();
        if (!result) return;
        done.deleted += result.deleted;
        done.kept += result.kept;
        done.failed += result.failed;
        job.progress(0.5, `${done.deleted} deleted`);
      }
    };

    await deleteDue();
    let at = after;
    let more = orphans;
    while (more && !stopped()) {
      const page = await findOrphans(at);
      done.orphans += page.orphans;
      at = page.next;
      more = at !== undefined;
      if (page.orphans > 0) await deleteDue();
    }
    if (!job.signal.aborted && now() > until)
      await job.once("go on", async () => {
        await enqueue(deleteSQSFiles, { orphans: more, ...(more && at !== undefined && { after: at }) });
      });
    const runAt = await nextDue();
    if (runAt)
      await job.once("try again", async () => {
        await enqueue(
          deleteSQSFiles,
          { orphans: false },
          { runAt, dedupe: { key: "later", mode: "replace" } },
        );
      });
    job.log(
      `${done.deleted} deleted, ${done.kept} still in use, ${done.failed} refused, ${done.orphans} orphans found`,
    );
    return done;
  },
});
