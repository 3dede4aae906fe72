import { current, isAdmin } from "../actor/index.ts";
import type { Handle } from "../database/index.ts";
import { VisibleError } from "../error/index.ts";
import { asParameter, visibility } from "../identity/index.ts";

/** One answer for what does not exist and what may not be seen. */
const notFound = () => new VisibleError("not_found", "topic_not_found", "There is no such topic.");

/** @throws VisibleError `not_found` when the actor may not listen to a topic, or there is none. */
export async function authoriseTopic({ query }: Handle, topic: string): Promise<void> {
  const [noun, id = ""] = topic.split(":", 2);
  switch (noun) {
    case "user": {
      const actor = current();
      if (actor.kind !== "user" || actor.userId !== id) throw notFound();
      return;
    }
    case "mailbox":
    case "thread": {
      const mailboxIds = asParameter(await visibility());
      const [found] = await query(noun === "mailbox" ? seesMailbox : seesThread, [id, mailboxIds]);
      if (!found) throw notFound();
      return;
    }
    case "job": {
      const actor = current();
      const owner = isAdmin(actor) || actor.kind === "system" ? null : actor.userId;
      const [found] = await query(
        "select 1 from frontdesk.jobs where id = $1 and ($2::text is null or owner_id = $2)",
        [id, owner],
      );
      if (!found) throw notFound();
      return;
    }
    case "media": {
      const actor = current();
      const userId = isAdmin(actor) || actor.kind !== "user" ? null : actor.userId;
      const [found] = await query(seesMedia, [id, userId, asParameter(await visibility())]);
      if (!found) throw notFound();
      return;
    }
    case "queues":
      if (id !== "" || !isAdmin(current())) throw notFound();
      return;
    default:
      throw notFound();
  }
}

const seesMailbox = `
  select 1 from frontdesk.mailboxes where id = $1 and ($2::text[] is null or id = any($2))`;

const seesThread = `
  select 1 from frontdesk.threads t
   where t.id = $1 and t.merged_into is null
     and ($2::text[] is null or exists (
       select 1 from frontdesk.thread_mailboxes tm where tm.thread_id = t.id and tm.mailbox_id = any($2)))`;

/** Its owner, administrators, and whoever sees the message whose attachment it is; the others get `withheld` of that. */
const seesMedia = `
  select 1 from frontdesk.media m
   where m.id = $1 and ($2::text is null or m.owner_id = $2 or exists (
     select 1 from frontdesk.attachments a
       join frontdesk.messages message on message.id = a.message_id and message.state = 'delivered'
       join frontdesk.message_mailboxes mm on mm.message_id = a.message_id and mm.mailbox_id = any($3::text[])
      where a.id = m.attachment_id))`;
