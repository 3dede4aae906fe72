/**
 * AWS clients, imported when first used (cold start) and kept for the life of the process, one a service and region.
 * Every call is refused inside a database transaction: the transaction would hold its locks for as long as a network
 * peer likes, and a rollback would not take the call back.
 */
import type { ApiGatewayManagementApiClient } from "@aws-sdk/client-apigatewaymanagementapi";
import type { CloudFrontClient } from "@aws-sdk/client-cloudfront";
import type { S3Client } from "@aws-sdk/client-s3";
import type { SchedulerClient } from "@aws-sdk/client-scheduler";
import type { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import type { SQSClient } from "@aws-sdk/client-sqs";
import { inTransaction } from "../database/context.ts";

export { collect } from "./body.ts";
export { getObject } from "./objects.ts";
export { changeVisibility, perCall, type Queue, regionOf } from "./queues.ts";

interface Interceptable {
  middlewareStack: { add(middleware: unknown, options: unknown): void };
}

const clients = new Map<string, Promise<unknown>>();

function client<T>(key: string, make: () => Promise<T>): Promise<T> {
  const known = clients.get(key) as Promise<T> | undefined;
  if (known) return known;
  const made = make().then((value) => {
    guard(value as unknown as Interceptable);
    return value;
  });
  // A failed import is not remembered.
  made.catch(() => clients.delete(key));
  clients.set(key, made);
  return made;
}

function guard({ middlewareStack }: Interceptable): void {
  middlewareStack.add(
    (next: (args: unknown) => unknown, context: { clientName?: string; commandName?: string }) =>
      (args: unknown) => {
        refuseInTransaction(`${context.clientName ?? "AWS"} ${context.commandName ?? "call"}`);
        return next(args);
      },
    { step: "initialize", name: "refuseInTransaction", priority: "high" },
  );
}

/** @throws Error when called inside a transaction: a mistake of ours, found by the first test that takes the path. */
export function refuseInTransaction(what: string): void {
  if (inTransaction())
    throw new Error(`${what} inside a database transaction: use afterCommit or the outbox`);
}

const timeouts = (requestMs: number) => ({ connectionTimeout: 2_000, requestTimeout: requestMs });

export function s3(region: string): Promise<S3Client> {
  return client(`s3 ${region}`, async () => {
    const { S3Client } = await import("@aws-sdk/client-s3");
    return new S3Client({
      region,
      maxAttempts: 3,
      requestHandler: timeouts(20_000),
      // No bucket of ours is a directory bucket; looking for them is a fifth of a call's CPU.
      disableS3ExpressSessionAuth: true,
    });
  });
}

export function sqs(region: string): Promise<SQSClient> {
  return client(`sqs ${region}`, async () => {
    const { SQSClient } = await import("@aws-sdk/client-sqs");
    return new SQSClient({ region, maxAttempts: 3, requestHandler: timeouts(5_000) });
  });
}

export function scheduler(region: string): Promise<SchedulerClient> {
  return client(`scheduler ${region}`, async () => {
    const { SchedulerClient } = await import("@aws-sdk/client-scheduler");
    return new SchedulerClient({ region, maxAttempts: 3, requestHandler: timeouts(5_000) });
  });
}

export function secretsManager(region: string): Promise<SecretsManagerClient> {
  return client(`secretsmanager ${region}`, async () => {
    const { SecretsManagerClient } = await import("@aws-sdk/client-secrets-manager");
    return new SecretsManagerClient({ region, maxAttempts: 3, requestHandler: timeouts(5_000) });
  });
}

/** CloudFront is global, and its API in one region. */
export function cloudFront(): Promise<CloudFrontClient> {
  return client("cloudfront", async () => {
    const { CloudFrontClient } = await import("@aws-sdk/client-cloudfront");
    return new CloudFrontClient({ region: "us-east-1", maxAttempts: 3, requestHandler: timeouts(10_000) });
  });
}

/** @param endpoint `https://<api>.execute-api.<region>.amazonaws.com/<stage>` */
export function connections(endpoint: string, region: string): Promise<ApiGatewayManagementApiClient> {
  return client(`connections ${endpoint}`, async () => {
    const { ApiGatewayManagementApiClient } = await import("@aws-sdk/client-apigatewaymanagementapi");
    // One attempt: the push keeps its own account of tries, and a second post may arrive twice.
    return new ApiGatewayManagementApiClient({
      endpoint,
      region,
      maxAttempts: 1,
      requestHandler: timeouts(3_000),
    });
  });
}

/** Closes every client; for tests. */
export async function close(): Promise<void> {
  const open = [...clients.values()];
  clients.clear();
  for (const made of open) {
    const value = await made.catch(() => undefined);
    (value as { destroy?: () => void } | undefined)?.destroy?.();
  }
}
