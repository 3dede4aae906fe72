import * as aws from "../aws/index.ts";
import { sleep } from "../clock/index.ts";
import { config } from "../config/index.ts";
import { encode, type ServerMessage } from "./protocol.ts";

async function client() {
  return aws.connections(config("Realtime").managementEndpoint, config("Settings").homeRegion);
}

/**
 * Sends one message to one connection.
 * @returns `gone` only when API Gateway said so twice.
 * @throws The SDK's error for everything else; the message may or may not have arrived.
 */
export async function post(connectionId: string, message: ServerMessage): Promise<"sent" | "gone"> {
  const { PostToConnectionCommand } = await import("@aws-sdk/client-apigatewaymanagementapi");
  try {
    await (await client()).send(
      new PostToConnectionCommand({ ConnectionId: connectionId, Data: Buffer.from(encode(message)) }),
    );
    return "sent";
  } catch (error) {
    if (!isGone(error) || !(await isConfirmedGone(connectionId))) throw error;
    return "gone";
  }
}

/** By the status, too: a 410 without a body that names it has no name either. */
function isGone(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { $metadata } = error as Error & { $metadata?: { httpStatusCode?: number } };
  return error.name === "GoneException" || $metadata?.httpStatusCode === 410;
}

/** How long after a 410 the connection is asked for itself. */
const confirmAfterMs = 200;

/** A 410 has been seen for a message that was delivered (aws-sdk-js #3773): ask for the connection before removing it. */
async function isConfirmedGone(connectionId: string): Promise<boolean> {
  const { GetConnectionCommand } = await import("@aws-sdk/client-apigatewaymanagementapi");
  await sleep(confirmAfterMs);
  try {
    await (await client()).send(new GetConnectionCommand({ ConnectionId: connectionId }));
    return false;
  } catch (error) {
    if (isGone(error)) return true;
    throw error;
  }
}
