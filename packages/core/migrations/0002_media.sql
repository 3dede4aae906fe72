CREATE TABLE "frontdesk"."media" (
	"id" text PRIMARY KEY NOT NULL,
	"owner_id" text,
	"attachment_id" text,
	"visibility" text NOT NULL,
	"state" text NOT NULL,
	"filename" text,
	"content_type" text NOT NULL,
	"size" integer NOT NULL,
	"content_id" text,
	"refusal_code" text,
	"refusal_message" text,
	"version" integer NOT NULL,
	"idempotency_key" text,
	"request_hash" text,
	"upload" json,
	"expires_at" timestamp (3) with time zone,
	"trace" char(32),
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "media_attachment" UNIQUE("attachment_id")
);
--> statement-breakpoint
CREATE TABLE "frontdesk"."media_contents" (
	"id" text PRIMARY KEY NOT NULL,
	"visibility" text NOT NULL,
	"source_sha256" text NOT NULL,
	"recipe" text NOT NULL,
	"generation" integer NOT NULL,
	"state" text NOT NULL,
	"width" integer,
	"height" integer,
	"average_colour" text,
	"placeholder" text,
	"variants" jsonb NOT NULL,
	"claimed_by" text,
	"claimed_until" timestamp (3) with time zone,
	"created_at" timestamp (3) with time zone NOT NULL,
	"removed_at" timestamp (3) with time zone
);
--> statement-breakpoint
ALTER TABLE "frontdesk"."media" ADD CONSTRAINT "media_owner_id_users_id_fk" FOREIGN KEY ("owner_id") REFERENCES "frontdesk"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "frontdesk"."media" ADD CONSTRAINT "media_attachment_id_attachments_id_fk" FOREIGN KEY ("attachment_id") REFERENCES "frontdesk"."attachments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "frontdesk"."media" ADD CONSTRAINT "media_content_id_media_contents_id_fk" FOREIGN KEY ("content_id") REFERENCES "frontdesk"."media_contents"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "media_idempotency" ON "frontdesk"."media" USING btree ("owner_id","idempotency_key") WHERE idempotency_key is not null;--> statement-breakpoint
CREATE INDEX "media_owner" ON "frontdesk"."media" USING btree ("owner_id","id");--> statement-breakpoint
CREATE INDEX "media_content" ON "frontdesk"."media" USING btree ("content_id");--> statement-breakpoint
CREATE INDEX "media_unfinished" ON "frontdesk"."media" USING btree ("updated_at") WHERE state in ('pending', 'processing');--> statement-breakpoint
CREATE UNIQUE INDEX "media_contents_source" ON "frontdesk"."media_contents" USING btree ("source_sha256","recipe","visibility") WHERE removed_at is null;