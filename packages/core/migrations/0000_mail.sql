CREATE SCHEMA "frontdesk";
--> statement-breakpoint
CREATE TABLE "frontdesk"."users" (
	"id" text PRIMARY KEY NOT NULL,
	"subject" text NOT NULL,
	"email" text NOT NULL,
	"roles" text[] NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "users_subject" UNIQUE("subject")
);
--> statement-breakpoint
CREATE TABLE "frontdesk"."attachments" (
	"id" text PRIMARY KEY NOT NULL,
	"message_id" text NOT NULL,
	"position" integer NOT NULL,
	"filename" text,
	"content_type" text NOT NULL,
	"disposition" text NOT NULL,
	"content_id" text,
	"related" boolean NOT NULL,
	"size" integer NOT NULL,
	"sha256" text NOT NULL,
	"object_key" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "frontdesk"."failures" (
	"id" text PRIMARY KEY NOT NULL,
	"queue" text NOT NULL,
	"queue_message_id" text NOT NULL,
	"attempt" integer NOT NULL,
	"code" text NOT NULL,
	"cause" text NOT NULL,
	"object_key" text,
	"trace" char(32),
	"created_at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "frontdesk"."message_mailboxes" (
	"message_id" text NOT NULL,
	"mailbox_id" text NOT NULL,
	"source" text NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "message_mailboxes_message_id_mailbox_id_pk" PRIMARY KEY("message_id","mailbox_id")
);
--> statement-breakpoint
CREATE TABLE "frontdesk"."message_recipients" (
	"message_id" text NOT NULL,
	"role" text NOT NULL,
	"position" integer NOT NULL,
	"address" text NOT NULL,
	"name" text NOT NULL,
	CONSTRAINT "message_recipients_message_id_role_position_pk" PRIMARY KEY("message_id","role","position")
);
--> statement-breakpoint
CREATE TABLE "frontdesk"."messages" (
	"id" text PRIMARY KEY NOT NULL,
	"thread_id" text NOT NULL,
	"state" text NOT NULL,
	"header_id" text,
	"content_hash" text NOT NULL,
	"references" text[] NOT NULL,
	"subject" text NOT NULL,
	"from_address" text NOT NULL,
	"from_name" text NOT NULL,
	"sent_at" timestamp (3) with time zone,
	"received_at" timestamp (3) with time zone NOT NULL,
	"snippet" text NOT NULL,
	"text" text,
	"html" text,
	"flags" text[] NOT NULL,
	"details" jsonb NOT NULL,
	"trust" jsonb NOT NULL,
	"size" integer NOT NULL,
	"attachment_count" integer NOT NULL,
	"trace" char(32) NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "frontdesk"."raw_mail" (
	"id" text PRIMARY KEY NOT NULL,
	"bucket" text NOT NULL,
	"object_key" text NOT NULL,
	"message_id" text NOT NULL,
	"state" text NOT NULL,
	"cause" text,
	"size" bigint,
	"s3_notice_at" timestamp (3) with time zone,
	"ses_notice_at" timestamp (3) with time zone,
	"envelope_from" text,
	"recipients" text[] NOT NULL,
	"verdicts" jsonb,
	"envelope_applied" boolean DEFAULT false NOT NULL,
	"received_at" timestamp (3) with time zone NOT NULL,
	"trace" char(32) NOT NULL,
	"claimed_by" text,
	"claimed_until" timestamp (3) with time zone,
	"sweeps" integer DEFAULT 0 NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "frontdesk"."mailbox_members" (
	"mailbox_id" text NOT NULL,
	"email" text NOT NULL,
	"source" text NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "mailbox_members_mailbox_id_email_pk" PRIMARY KEY("mailbox_id","email")
);
--> statement-breakpoint
CREATE TABLE "frontdesk"."mailboxes" (
	"id" text PRIMARY KEY NOT NULL,
	"address" text NOT NULL,
	"name" text NOT NULL,
	"active" boolean NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "mailboxes_address" UNIQUE("address")
);
--> statement-breakpoint
CREATE TABLE "frontdesk"."outbox" (
	"id" text PRIMARY KEY NOT NULL,
	"kind" text NOT NULL,
	"key" text NOT NULL,
	"payload" jsonb NOT NULL,
	"attempts" integer NOT NULL,
	"available_at" timestamp (3) with time zone NOT NULL,
	"leased_until" timestamp (3) with time zone,
	"last_error" text,
	"trace" char(32),
	"created_at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "frontdesk"."connections" (
	"id" text PRIMARY KEY NOT NULL,
	"user_id" text NOT NULL,
	"roles" text[] NOT NULL,
	"connected_at" timestamp (3) with time zone NOT NULL,
	"expires_at" timestamp (3) with time zone NOT NULL,
	"leased_by" text,
	"leased_until" timestamp (3) with time zone,
	"failures" integer NOT NULL,
	"retry_at" timestamp (3) with time zone
);
--> statement-breakpoint
CREATE TABLE "frontdesk"."events" (
	"topic" text NOT NULL,
	"seq" bigint NOT NULL,
	"id" text NOT NULL,
	"type" text NOT NULL,
	"data" jsonb NOT NULL,
	"mailbox_ids" text[],
	"trace" char(32),
	"created_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "events_topic_seq_pk" PRIMARY KEY("topic","seq")
);
--> statement-breakpoint
CREATE TABLE "frontdesk"."subscriptions" (
	"connection_id" text NOT NULL,
	"topic" text NOT NULL,
	"sent_seq" bigint NOT NULL,
	CONSTRAINT "subscriptions_connection_id_topic_pk" PRIMARY KEY("connection_id","topic")
);
--> statement-breakpoint
CREATE TABLE "frontdesk"."tickets" (
	"hash" text PRIMARY KEY NOT NULL,
	"user_id" text NOT NULL,
	"roles" text[] NOT NULL,
	"origin" text,
	"expires_at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "frontdesk"."topics" (
	"topic" text PRIMARY KEY NOT NULL,
	"seq" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "frontdesk"."thread_keys" (
	"header_id" text PRIMARY KEY NOT NULL,
	"thread_id" text,
	"arrived" boolean NOT NULL
);
--> statement-breakpoint
CREATE TABLE "frontdesk"."thread_mailboxes" (
	"thread_id" text NOT NULL,
	"mailbox_id" text NOT NULL,
	"state" text NOT NULL,
	"last_message_at" timestamp (3) with time zone NOT NULL,
	"message_count" integer NOT NULL,
	CONSTRAINT "thread_mailboxes_thread_id_mailbox_id_pk" PRIMARY KEY("thread_id","mailbox_id")
);
--> statement-breakpoint
CREATE TABLE "frontdesk"."thread_participants" (
	"thread_id" text NOT NULL,
	"participant" text NOT NULL,
	CONSTRAINT "thread_participants_thread_id_participant_pk" PRIMARY KEY("thread_id","participant")
);
--> statement-breakpoint
CREATE TABLE "frontdesk"."thread_suggestions" (
	"thread_id" text NOT NULL,
	"into_thread_id" text NOT NULL,
	"message_id" text NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "thread_suggestions_thread_id_into_thread_id_pk" PRIMARY KEY("thread_id","into_thread_id")
);
--> statement-breakpoint
CREATE TABLE "frontdesk"."threads" (
	"id" text PRIMARY KEY NOT NULL,
	"subject" text NOT NULL,
	"state" text NOT NULL,
	"last_message_at" timestamp (3) with time zone NOT NULL,
	"message_count" integer NOT NULL,
	"merged_into" text,
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "frontdesk"."attachments" ADD CONSTRAINT "attachments_message_id_messages_id_fk" FOREIGN KEY ("message_id") REFERENCES "frontdesk"."messages"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "frontdesk"."message_mailboxes" ADD CONSTRAINT "message_mailboxes_message_id_messages_id_fk" FOREIGN KEY ("message_id") REFERENCES "frontdesk"."messages"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "frontdesk"."message_mailboxes" ADD CONSTRAINT "message_mailboxes_mailbox_id_mailboxes_id_fk" FOREIGN KEY ("mailbox_id") REFERENCES "frontdesk"."mailboxes"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "frontdesk"."message_recipients" ADD CONSTRAINT "message_recipients_message_id_messages_id_fk" FOREIGN KEY ("message_id") REFERENCES "frontdesk"."messages"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "frontdesk"."messages" ADD CONSTRAINT "messages_thread_id_threads_id_fk" FOREIGN KEY ("thread_id") REFERENCES "frontdesk"."threads"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "frontdesk"."mailbox_members" ADD CONSTRAINT "mailbox_members_mailbox_id_mailboxes_id_fk" FOREIGN KEY ("mailbox_id") REFERENCES "frontdesk"."mailboxes"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "frontdesk"."connections" ADD CONSTRAINT "connections_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "frontdesk"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "frontdesk"."subscriptions" ADD CONSTRAINT "subscriptions_connection_id_connections_id_fk" FOREIGN KEY ("connection_id") REFERENCES "frontdesk"."connections"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "frontdesk"."tickets" ADD CONSTRAINT "tickets_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "frontdesk"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "frontdesk"."thread_mailboxes" ADD CONSTRAINT "thread_mailboxes_thread_id_threads_id_fk" FOREIGN KEY ("thread_id") REFERENCES "frontdesk"."threads"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "frontdesk"."thread_mailboxes" ADD CONSTRAINT "thread_mailboxes_mailbox_id_mailboxes_id_fk" FOREIGN KEY ("mailbox_id") REFERENCES "frontdesk"."mailboxes"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "frontdesk"."thread_participants" ADD CONSTRAINT "thread_participants_thread_id_threads_id_fk" FOREIGN KEY ("thread_id") REFERENCES "frontdesk"."threads"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "frontdesk"."thread_suggestions" ADD CONSTRAINT "thread_suggestions_thread_id_threads_id_fk" FOREIGN KEY ("thread_id") REFERENCES "frontdesk"."threads"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "frontdesk"."thread_suggestions" ADD CONSTRAINT "thread_suggestions_into_thread_id_threads_id_fk" FOREIGN KEY ("into_thread_id") REFERENCES "frontdesk"."threads"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "attachments_message" ON "frontdesk"."attachments" USING btree ("message_id","position");--> statement-breakpoint
CREATE UNIQUE INDEX "failures_attempt" ON "frontdesk"."failures" USING btree ("queue_message_id","attempt");--> statement-breakpoint
CREATE INDEX "messages_thread" ON "frontdesk"."messages" USING btree ("thread_id","received_at","id");--> statement-breakpoint
CREATE UNIQUE INDEX "messages_identity" ON "frontdesk"."messages" USING btree ("header_id","content_hash") WHERE header_id is not null;--> statement-breakpoint
CREATE UNIQUE INDEX "raw_mail_object" ON "frontdesk"."raw_mail" USING btree ("bucket","object_key");--> statement-breakpoint
CREATE INDEX "raw_mail_message" ON "frontdesk"."raw_mail" USING btree ("message_id");--> statement-breakpoint
CREATE INDEX "mailbox_members_email" ON "frontdesk"."mailbox_members" USING btree ("email");--> statement-breakpoint
CREATE UNIQUE INDEX "outbox_key" ON "frontdesk"."outbox" USING btree ("kind","key");--> statement-breakpoint
CREATE INDEX "outbox_due" ON "frontdesk"."outbox" USING btree ("available_at");--> statement-breakpoint
CREATE INDEX "connections_user" ON "frontdesk"."connections" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "connections_expiry" ON "frontdesk"."connections" USING btree ("expires_at");--> statement-breakpoint
CREATE UNIQUE INDEX "subscriptions_topic" ON "frontdesk"."subscriptions" USING btree ("topic","connection_id");--> statement-breakpoint
CREATE INDEX "tickets_expiry" ON "frontdesk"."tickets" USING btree ("expires_at");--> statement-breakpoint
CREATE INDEX "thread_mailboxes_recent" ON "frontdesk"."thread_mailboxes" USING btree ("mailbox_id","state","last_message_at" DESC NULLS FIRST,"thread_id" DESC NULLS FIRST);--> statement-breakpoint
CREATE INDEX "thread_suggestions_into" ON "frontdesk"."thread_suggestions" USING btree ("into_thread_id");--> statement-breakpoint
CREATE INDEX "threads_recent" ON "frontdesk"."threads" USING btree ("state","last_message_at" DESC NULLS FIRST,"id" DESC NULLS FIRST) WHERE merged_into is null;