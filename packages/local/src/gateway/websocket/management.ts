/**
 * The `@connections` API of WebSocket APIs: post to, look at and close a connection
 * (https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-how-to-call-websocket-api-connections.html).
 */
import { AwsError } from "../../cloud/errors.ts";
import type { AwsAnswer, Cloud } from "../../cloud/types.ts";
import { isId } from "../identifiers.ts";
import type { WebSocketApi } from "./api.ts";
import { frameText, MAX_MESSAGE_BYTES } from "./frames.ts";

export interface ManagementCall {
  method: string;
  /** Path without query, percent-encoded, e.g. `/prod/@connections/L0SM9cOFvHcCIhw%3D`. */
  path: string;
  /** Only a custom domain's path may leave the stage out. */
  stageNeeded: boolean;
  body: Buffer;
  trace: string | undefined;
  authorise(action: string, resource: string): void;
}

export interface Management {
  /**
   * @param api The API of the host that was called, or undefined when the host names none: then the connection tells.
   * @throws AwsError GoneException, PayloadTooLargeException, ForbiddenException, BadRequestException,
   * LimitExceededException, AccessDenied.
   */
  handle(api: WebSocketApi | undefined, call: ManagementCall): AwsAnswer;
}

const connectionPath = /^(?:\/([^/]+))?\/(?:@|%40)connections\/([^/]+)$/i;

export function createManagement(cloud: Cloud, apis: WebSocketApi[]): Management {
  // A message to many connections arrives once for each: it is framed once.
  let framed: { data: Buffer; frames: Buffer } | undefined;
  function framesOf(data: Buffer): Buffer {
    if (!framed?.data.equals(data)) framed = { data, frames: frameText(data) };
    return framed.frames;
  }

  function perform(named: WebSocketApi | undefined, call: ManagementCall): AwsAnswer {
    const { stage, connectionId } = readPath(call.path);
    const api = named ?? apis.find((one) => one.connections.has(connectionId)) ?? only(apis);
    const allowed = stage === undefined ? !call.stageNeeded : stage === api?.gateway.stage;
    if (!api || !allowed) throw new AwsError("ForbiddenException", "Forbidden", 403);
    const { gateway } = api;
    call.authorise(
      "execute-api:ManageConnections",
      `${gateway.executionArn}/${gateway.stage}/${call.method}/@connections/${connectionId}`,
    );
    if (!["POST", "GET", "DELETE"].includes(call.method))
      throw new AwsError("ForbiddenException", "Forbidden", 403);
    if (!isId(connectionId))
      throw new AwsError("BadRequestException", `Invalid connectionId: ${connectionId}`, 400);
    const connection = api.connections.get(connectionId);
    if (!connection) throw new AwsError("GoneException", "Gone", 410);

    if (call.method === "GET") {
      const { request, connectedAt } = connection.facts;
      return {
        status: 200,
        headers: { "content-type": "application/json" },
        body: JSON.stringify({
          connectedAt: new Date(connectedAt).toISOString(),
          identity: { sourceIp: request.sourceIp, userAgent: request.userAgent },
          lastActiveAt: new Date(connection.lastActiveAt).toISOString(),
        }),
      };
    }
    if (call.method === "DELETE") {
      connection.close(1000, "Connection Closed Normally");
      return { status: 204 };
    }
    if (call.body.length > MAX_MESSAGE_BYTES)
      throw new AwsError(
        "PayloadTooLargeException",
        `Message is longer than ${MAX_MESSAGE_BYTES} bytes`,
        413,
      );
    if (!connection.send(framesOf(call.body)))
      throw new AwsError("LimitExceededException", "The client's buffer is full", 429);
    cloud.observer.record("ws.post", gateway.arn, call.trace, { connectionId, bytes: call.body.length });
    return { status: 200 };
  }

  return { handle: perform };
}

function readPath(path: string): { stage: string | undefined; connectionId: string } {
  const [, stage, id] = connectionPath.exec(path) ?? [];
  try {
    if (id !== undefined)
      return {
        stage: stage === undefined ? undefined : decodeURIComponent(stage),
        connectionId: decodeURIComponent(id),
      };
  } catch {
    // A malformed escape names no connection.
  }
  throw new AwsError("ForbiddenException", "the path is not /{stage}/@connections/{connectionId}", 403);
}
const only = (apis: WebSocketApi[]) => (apis.length === 1 ? apis[0] : undefined);
