-- Takes one correspondent out of the database: messages that they sent or were addressed to, and what follows from
-- them. docs/retention.md. First prints the objects that hold the same messages, which are to be deleted after it.
--
--   npm run tunnel -- --stage production --user frontdesk_migrator -- -v address=someone@example.com -f scripts/erase.sql
\set ON_ERROR_STOP on
begin;

create temporary table erased on commit drop as
  select id, thread_id, header_id, trace
    from frontdesk.messages
   where lower(from_address) = lower(:'address')
      or id in (select message_id from frontdesk.message_recipients where lower(address) = lower(:'address'));

\echo objects of the mail bucket
select bucket, object_key from frontdesk.raw_mail
 where message_id in (select id from erased) or lower(envelope_from) = lower(:'address');
\echo objects of the home bucket
select object_key from frontdesk.attachments where message_id in (select id from erased);
create temporary table erased_contents on commit drop as
  select distinct content_id as id from frontdesk.media
   where content_id is not null
     and attachment_id in (select id from frontdesk.attachments where message_id in (select id from erased));
delete from frontdesk.media
 where attachment_id in (select id from frontdesk.attachments where message_id in (select id from erased));
-- A picture that somebody else has, too, stays theirs.
update frontdesk.media_contents content set removed_at = now()
 where id in (select id from erased_contents) and removed_at is null
   and not exists (select from frontdesk.media where content_id = content.id and state <> 'deleted');
select variant ->> 'key' as object_key
  from frontdesk.media_contents content, jsonb_array_elements(content.variants) variant
 where content.id in (select id from erased_contents) and content.removed_at is not null;

delete from frontdesk.attachments where message_id in (select id from erased);
delete from frontdesk.message_mailboxes where message_id in (select id from erased);
delete from frontdesk.message_recipients where message_id in (select id from erased);
delete from frontdesk.thread_suggestions where message_id in (select id from erased);
delete from frontdesk.thread_keys where header_id in (select header_id from erased);
delete from frontdesk.thread_participants where lower(participant) = lower(:'address');
delete from frontdesk.raw_mail
 where message_id in (select id from erased) or lower(envelope_from) = lower(:'address');
delete from frontdesk.messages where id in (select id from erased);

-- A topic's sequence has no gaps: the events stay, and say only which message it was.
update frontdesk.events
   set data = jsonb_strip_nulls(jsonb_build_object(
         'messageId', data -> 'messageId', 'threadId', data -> 'threadId',
         'receivedAt', data -> 'receivedAt', 'trace', data -> 'trace'))
 where trace in (select trace from erased);

update frontdesk.threads thread
   set message_count = (select count(*) from frontdesk.messages where thread_id = thread.id),
       subject = case when exists (select from frontdesk.messages where thread_id = thread.id)
                      then subject else '' end
 where id in (select thread_id from erased);
update frontdesk.thread_mailboxes seen
   set message_count = (select count(*)
                          from frontdesk.message_mailboxes joined
                          join frontdesk.messages message on message.id = joined.message_id
                         where message.thread_id = seen.thread_id and joined.mailbox_id = seen.mailbox_id)
 where thread_id in (select thread_id from erased);
delete from frontdesk.thread_mailboxes
 where message_count = 0 and thread_id in (select thread_id from erased);

commit;
