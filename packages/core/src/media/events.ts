import { now } from "../clock/index.ts";
import type { Handle } from "../database/index.ts";
import { type NewEvent, publish } from "../realtime/index.ts";
import type { State, Visibility } from "./types.ts";

/** What changes of a media with its state. */
export interface Change {
  state: State;
  contentId?: string;
  /** Why it is refused. */
  refusal?: { code: string; message: string };
  width?: number;
  height?: number;
}

interface Changed {
  id: string;
  ownerId: string | null;
  visibility: Visibility;
  version: number;
  trace: string | null;
  threadId: string | null;
  mailboxIds: string[] | null;
}

/**
 * Changes media from one of the states `from`, and publishes it: on `media:{id}`, and to its owner or on the thread of its
 * message. In a transaction, at its end.
 * @param where A condition on `m`; `$5` and above are `values`.
 * @returns Identifiers of those that changed.
 */
export async function change(
  { query }: Handle,
  to: Change,
  from: readonly State[],
  where: string,
  values: readonly unknown[],
): Promise<string[]> {
  const changed = await query<Changed>(
    `with locked as (
       select m.id from frontdesk.media m where m.state = any($4) and ${where} order by m.id for no key update)
     update frontdesk.media m
        set state = $1, updated_at = $2, version = m.version + 1,
            content_id = coalesce($3::jsonb ->> 'contentId', m.content_id),
            refusal_code = $3::jsonb -> 'refusal' ->> 'code', refusal_message = $3::jsonb -> 'refusal' ->> 'message',
            filename = case when $1 = 'deleted' then null else m.filename end,
            upload = case when $1 = 'deleted' then null else m.upload end
       from locked where m.id = locked.id
     returning m.id, m.owner_id as "ownerId", m.visibility, m.version, m.trace,
       (select message.thread_id from frontdesk.attachments a
          join frontdesk.messages message on message.id = a.message_id where a.id = m.attachment_id) as "threadId",
       case when m.attachment_id is not null then array(
         select mm.mailbox_id from frontdesk.attachments a
           join frontdesk.message_mailboxes mm on mm.message_id = a.message_id
          where a.id = m.attachment_id order by 1) end as "mailboxIds"`,
    [to.state, new Date(now()), JSON.stringify(to), from, ...values],
  );
  await publish(changed.flatMap((one) => eventsOf(one, to)));
  return changed.map(({ id }) => id);
}

function eventsOf({ id, ownerId, visibility, version, trace, threadId, mailboxIds }: Changed, to: Change) {
  const { state, refusal, width, height } = to;
  const event = {
    type: `media.${state}`,
    data: {
      mediaId: id,
      state,
      visibility,
      version,
      ...(width !== undefined && { width, height }),
      ...(refusal && { reason: refusal }),
      ...(trace && { trace }),
    },
    ...(mailboxIds && { mailboxIds }),
    ...(trace && { trace }),
  };
  const topics = [
    `media:${id}`,
    ...(ownerId ? [`user:${ownerId}`] : []),
    ...(threadId ? [`thread:${threadId}`] : []),
  ];
  return topics.map((topic): NewEvent => ({ topic, ...event }));
}
