CREATE TABLE "frontdesk"."job_attempts" (
	"job_id" text NOT NULL,
	"ended_at" timestamp (3) with time zone NOT NULL,
	"attempt" integer NOT NULL,
	"started_at" timestamp (3) with time zone,
	"outcome" text NOT NULL,
	"error" jsonb,
	"worker" text NOT NULL,
	CONSTRAINT "job_attempts_job_id_attempt_worker_pk" PRIMARY KEY("job_id","attempt","worker")
);
--> statement-breakpoint
CREATE TABLE "frontdesk"."job_effects" (
	"job_id" text NOT NULL,
	"key" text NOT NULL,
	"result" jsonb,
	"created_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "job_effects_job_id_key_pk" PRIMARY KEY("job_id","key")
);
--> statement-breakpoint
CREATE TABLE "frontdesk"."job_keys" (
	"type" text NOT NULL,
	"key" text NOT NULL,
	"job_id" text,
	"until" timestamp (3) with time zone,
	CONSTRAINT "job_keys_type_key_pk" PRIMARY KEY("type","key")
);
--> statement-breakpoint
CREATE TABLE "frontdesk"."job_logs" (
	"job_id" text NOT NULL,
	"id" text NOT NULL,
	"attempt" integer NOT NULL,
	"at" timestamp (3) with time zone NOT NULL,
	"line" text NOT NULL,
	CONSTRAINT "job_logs_job_id_id_pk" PRIMARY KEY("job_id","id")
);
--> statement-breakpoint
CREATE TABLE "frontdesk"."jobs" (
	"id" text PRIMARY KEY NOT NULL,
	"type" text NOT NULL,
	"state" text NOT NULL,
	"payload" jsonb,
	"payload_claim" jsonb,
	"result" jsonb,
	"result_claim" jsonb,
	"priority" integer NOT NULL,
	"turn" bigint NOT NULL,
	"fairness" text NOT NULL,
	"type_lane" text,
	"key_lane" text,
	"waits_in" text NOT NULL,
	"run_at" timestamp (3) with time zone NOT NULL,
	"attempts" integer NOT NULL,
	"attempts_left" integer NOT NULL,
	"losses" integer NOT NULL,
	"deaths" integer NOT NULL,
	"leased_by" text,
	"leased_until" timestamp (3) with time zone,
	"started_at" timestamp (3) with time zone,
	"finished_at" timestamp (3) with time zone,
	"cancel_requested_at" timestamp (3) with time zone,
	"progress" real,
	"progress_note" text,
	"error" jsonb,
	"owner_id" text,
	"actor" text NOT NULL,
	"concurrency_key" text,
	"schedule" text,
	"schedule_due_at" timestamp (3) with time zone,
	"awaited_by" text,
	"when_one_fails" text,
	"trace" char(32) NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "frontdesk"."job_attempts" ADD CONSTRAINT "job_attempts_job_id_jobs_id_fk" FOREIGN KEY ("job_id") REFERENCES "frontdesk"."jobs"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "frontdesk"."job_effects" ADD CONSTRAINT "job_effects_job_id_jobs_id_fk" FOREIGN KEY ("job_id") REFERENCES "frontdesk"."jobs"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "frontdesk"."job_keys" ADD CONSTRAINT "job_keys_job_id_jobs_id_fk" FOREIGN KEY ("job_id") REFERENCES "frontdesk"."jobs"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "frontdesk"."job_logs" ADD CONSTRAINT "job_logs_job_id_jobs_id_fk" FOREIGN KEY ("job_id") REFERENCES "frontdesk"."jobs"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "job_keys_job" ON "frontdesk"."job_keys" USING btree ("job_id");--> statement-breakpoint
CREATE INDEX "jobs_line" ON "frontdesk"."jobs" USING btree ("waits_in","priority" DESC NULLS FIRST,"turn","id") WHERE state in ('queued', 'blocked');--> statement-breakpoint
CREATE INDEX "jobs_line_fairness" ON "frontdesk"."jobs" USING btree ("waits_in","fairness","priority","turn") WHERE state in ('queued', 'blocked');--> statement-breakpoint
CREATE INDEX "jobs_type_slots" ON "frontdesk"."jobs" USING btree ("type_lane") WHERE type_lane is not null and state in ('queued', 'running');--> statement-breakpoint
CREATE INDEX "jobs_key_slots" ON "frontdesk"."jobs" USING btree ("key_lane") WHERE key_lane is not null and state in ('queued', 'running', 'blocked') and waits_in <> key_lane;--> statement-breakpoint
CREATE INDEX "jobs_due" ON "frontdesk"."jobs" USING btree ("run_at") WHERE state = 'scheduled';--> statement-breakpoint
CREATE INDEX "jobs_leases" ON "frontdesk"."jobs" USING btree ("leased_until") WHERE state = 'running';--> statement-breakpoint
CREATE INDEX "jobs_awaited" ON "frontdesk"."jobs" USING btree ("awaited_by") WHERE awaited_by is not null;--> statement-breakpoint
CREATE INDEX "jobs_open" ON "frontdesk"."jobs" USING btree ("state","id") WHERE state <> 'done';--> statement-breakpoint
CREATE INDEX "jobs_owner" ON "frontdesk"."jobs" USING btree ("owner_id","id") WHERE owner_id is not null;--> statement-breakpoint
CREATE INDEX "jobs_schedule" ON "frontdesk"."jobs" USING btree ("schedule","id") WHERE schedule is not null;--> statement-breakpoint
CREATE INDEX "jobs_type" ON "frontdesk"."jobs" USING btree ("type","id") WHERE state in ('done', 'cancelled', 'dead');