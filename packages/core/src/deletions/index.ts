/**
 * The one way in which objects of the home bucket are deleted. Whoever gives up an object asks for its deletion in the
 * transaction that gives it up; the job `deleteSQSFiles` deletes it, unless somebody refers to it. Whoever refers to an
 * object that might be among them says so by {@link keep}.
 */
import * as database from "../database/index.ts";
import { write } from "./request.ts";

export type { Owner } from "./owners.ts";
export { keep } from "./request.ts";

/**
 * Asks for the deletion of objects, in the open transaction (else in one of its own): rolled back, nothing is deleted.
 * Whoever put them once more after it was asked for asks again.
 * @throws Error for a key below a prefix that no domain owns.
 */
export async function request(objects: readonly { key: string }[]): Promise<void> {
  if (objects.length === 0) return;
  const ask = async () => {
    await write(objects.map(({ key }) => key));
    const [{ enqueue }, { deleteSQSFiles }] = await Promise.all([
      import("../jobs/index.ts"),
      import("./delete-sqs-files.ts"),
    ]);
    // One that runs may have looked already: then there is another one.
    await enqueue(deleteSQSFiles, { orphans: false }, { dedupe: { key: "requested", mode: "replace" } });
  };
  await (database.inTransaction() ? ask() : database.transaction(ask));
}
