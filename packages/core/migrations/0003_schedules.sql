CREATE TABLE "frontdesk"."schedule_runs" (
	"name" text NOT NULL,
	"due_at" timestamp (3) with time zone NOT NULL,
	"revision" bigint NOT NULL,
	"outcome" text NOT NULL,
	"source" text NOT NULL,
	"job_id" text,
	"trace" char(32),
	"fired_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "schedule_runs_name_due_at_pk" PRIMARY KEY("name","due_at")
);
--> statement-breakpoint
CREATE TABLE "frontdesk"."schedules" (
	"name" text PRIMARY KEY NOT NULL,
	"description" text NOT NULL,
	"job_type" text NOT NULL,
	"payload" jsonb NOT NULL,
	"kind" text NOT NULL,
	"expression" text NOT NULL,
	"zone" text NOT NULL,
	"anchor" timestamp (3) with time zone,
	"start_at" timestamp (3) with time zone,
	"end_at" timestamp (3) with time zone,
	"overlap" text NOT NULL,
	"catch_up" text NOT NULL,
	"catch_up_limit" integer NOT NULL,
	"priority" integer,
	"paused" boolean NOT NULL,
	"built_in" boolean NOT NULL,
	"changed_by_person" boolean NOT NULL,
	"revision" bigint NOT NULL,
	"synced_revision" bigint,
	"sync_error" text,
	"sync_asked_at" timestamp (3) with time zone,
	"sync_leased_until" timestamp (3) with time zone,
	"relied_from" timestamp (3) with time zone,
	"next_due_at" timestamp (3) with time zone,
	"last_due_at" timestamp (3) with time zone,
	"last_fired_at" timestamp (3) with time zone,
	"last_outcome" text,
	"last_job_id" text,
	"deleted_at" timestamp (3) with time zone,
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	"updated_by" text NOT NULL
);
--> statement-breakpoint
CREATE INDEX "schedule_runs_age" ON "frontdesk"."schedule_runs" USING btree ("fired_at");--> statement-breakpoint
CREATE INDEX "schedule_runs_held" ON "frontdesk"."schedule_runs" USING btree ("name") WHERE outcome = 'held';--> statement-breakpoint
CREATE INDEX "schedules_due" ON "frontdesk"."schedules" USING btree ("next_due_at");--> statement-breakpoint
CREATE INDEX "schedules_unsynced" ON "frontdesk"."schedules" USING btree ("sync_asked_at");