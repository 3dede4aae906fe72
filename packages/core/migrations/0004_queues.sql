CREATE TABLE "frontdesk"."object_deletions" (
	"key" text PRIMARY KEY NOT NULL,
	"state" text NOT NULL,
	"requested_by" text NOT NULL,
	"requested_at" timestamp (3) with time zone NOT NULL,
	"attempts" integer NOT NULL,
	"available_at" timestamp (3) with time zone NOT NULL,
	"last_error" text,
	"deleted_at" timestamp (3) with time zone
);
--> statement-breakpoint
CREATE TABLE "frontdesk"."dead_letters" (
	"queue" text NOT NULL,
	"message_id" text NOT NULL,
	"state" text NOT NULL,
	"body" text,
	"attributes" jsonb NOT NULL,
	"receipt_handle" text NOT NULL,
	"hidden_until" timestamp (3) with time zone,
	"job_id" text,
	"sent_at" timestamp (3) with time zone NOT NULL,
	"first_seen_at" timestamp (3) with time zone NOT NULL,
	"seen_at" timestamp (3) with time zone NOT NULL,
	"left_at" timestamp (3) with time zone,
	"operation_id" text,
	CONSTRAINT "dead_letters_queue_message_id_pk" PRIMARY KEY("queue","message_id")
);
--> statement-breakpoint
CREATE TABLE "frontdesk"."queue_looks" (
	"queue" text PRIMARY KEY NOT NULL,
	"leased_by" text,
	"leased_until" timestamp (3) with time zone,
	"looked_at" timestamp (3) with time zone,
	"complete" boolean NOT NULL,
	"depth" jsonb,
	"depth_at" timestamp (3) with time zone
);
--> statement-breakpoint
CREATE TABLE "frontdesk"."queue_operations" (
	"id" text PRIMARY KEY NOT NULL,
	"queue" text NOT NULL,
	"kind" text NOT NULL,
	"actor" text NOT NULL,
	"state" text NOT NULL,
	"letters" integer NOT NULL,
	"edited" integer NOT NULL,
	"moved" integer NOT NULL,
	"filter" jsonb,
	"task_handle" text,
	"failure" text,
	"cancelled_by" text,
	"created_at" timestamp (3) with time zone NOT NULL,
	"ended_at" timestamp (3) with time zone
);
--> statement-breakpoint
CREATE INDEX "object_deletions_due" ON "frontdesk"."object_deletions" USING btree ("available_at") WHERE state <> 'deleted';--> statement-breakpoint
CREATE INDEX "object_deletions_done" ON "frontdesk"."object_deletions" USING btree ("deleted_at") WHERE state = 'deleted';--> statement-breakpoint
CREATE INDEX "dead_letters_waiting" ON "frontdesk"."dead_letters" USING btree ("queue","sent_at","message_id") WHERE state = 'waiting';--> statement-breakpoint
CREATE INDEX "dead_letters_left" ON "frontdesk"."dead_letters" USING btree ("left_at") WHERE state <> 'waiting';--> statement-breakpoint
CREATE INDEX "dead_letters_operation" ON "frontdesk"."dead_letters" USING btree ("operation_id") WHERE operation_id is not null;--> statement-breakpoint
CREATE INDEX "queue_operations_recent" ON "frontdesk"."queue_operations" USING btree ("queue","id");--> statement-breakpoint
CREATE INDEX "queue_operations_running" ON "frontdesk"."queue_operations" USING btree ("queue") WHERE state = 'running';--> statement-breakpoint
CREATE INDEX "jobs_payload_claim" ON "frontdesk"."jobs" USING btree ((payload_claim ->> 'key')) WHERE payload_claim is not null;--> statement-breakpoint
CREATE INDEX "jobs_result_claim" ON "frontdesk"."jobs" USING btree ((result_claim ->> 'key')) WHERE result_claim is not null;