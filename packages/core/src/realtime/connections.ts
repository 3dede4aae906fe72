import { provide, type Role } from "../actor/index.ts";
import { now } from "../clock/index.ts";
import * as database from "../database/index.ts";
import { VisibleError } from "../error/index.ts";
import { parse } from "../fn/index.ts";
import { rolesOf } from "../identity/index.ts";
import * as log from "../log/index.ts";
import { post } from "./post.ts";
import { ClientMessage, type ServerMessage } from "./protocol.ts";
import { push } from "./push.ts";
import type { Bearer } from "./tickets.ts";
import { authoriseTopic } from "./topics.ts";

/** API Gateway closes a websocket after two hours. */
const lifeMs = 2 * 60 * 60_000;

/** `$connect`, once the authorizer has let it pass. May be repeated. */
export async function connect(connectionId: string, bearer: Bearer): Promise<void> {
  const at = now();
  await database.use(({ query }) =>
    query(
      `insert into frontdesk.connections (id, user_id, roles, connected_at, expires_at, failures)
       values ($1, $2, $3, $4, $5, 0) on conflict (id) do nothing`,
      [connectionId, bearer.userId, bearer.roles, new Date(at), new Date(at + lifeMs)],
    ),
  );
}

/** `$disconnect`, which is best effort: what it does not tell, the push and the sweep find out. */
export async function disconnect(connectionId: string): Promise<void> {
  await database.use(({ query }) => query("delete from frontdesk.connections where id = $1", [connectionId]));
}

/** `$default`: one message of a client. What is wrong with it is told to the client; only our own faults are thrown. */
export async function receive(connectionId: string, body: string, requestId?: string): Promise<void> {
  const connection = await find(connectionId);
  if (!connection) {
    // $disconnect and a last message can overtake each other.
    log.info("a message from a connection that is not there", { connection: connectionId });
    return;
  }
  const actor = {
    kind: "user",
    userId: connection.userId,
    email: connection.email,
    roles: connection.roles,
  } as const;
  await provide({ actor, requestId }, async () => {
    let topic: string | undefined;
    try {
      const message = parseMessage(body);
      topic = "topic" in message ? message.topic : undefined;
      await handle(connectionId, message);
    } catch (error) {
      if (!(error instanceof VisibleError) || error.kind === "unavailable") throw error;
      const answer: ServerMessage = { action: "error", code: error.code, message: error.message };
      await post(connectionId, topic === undefined ? answer : { ...answer, topic });
    }
  });
}

async function handle(connectionId: string, message: ClientMessage): Promise<void> {
  switch (message.action) {
    case "ping":
      await post(connectionId, { action: "pong" });
      return;
    case "unsubscribe":
      await database.use(({ query }) =>
        query("delete from frontdesk.subscriptions where connection_id = $1 and topic = $2", [
          connectionId,
          message.topic,
        ]),
      );
      await post(connectionId, { action: "unsubscribed", topic: message.topic });
      return;
    case "subscribe": {
      const seq = await startingPoint(message.topic, message.after);
      // Confirmed first, so that it comes before the first event. What happens in between is above `seq`, and is sent.
      if ((await post(connectionId, { action: "subscribed", topic: message.topic, seq })) === "gone") {
        await disconnect(connectionId);
        return;
      }
      await database.use(({ query }) =>
        query(
          `insert into frontdesk.subscriptions as s (connection_id, topic, sent_seq)
           select c.id, $2, $3 from frontdesk.connections c where c.id = $1
           on conflict (connection_id, topic) do update set sent_seq = excluded.sent_seq`,
          [connectionId, message.topic, seq],
        ),
      );
      await push({ connectionIds: [connectionId] });
    }
  }
}

/** Where a subscription begins. A client that is ahead of us (a restored database) begins at the end. */
async function startingPoint(topic: string, after: number | undefined): Promise<number> {
  return database.use(async (handle) => {
    await authoriseTopic(handle, topic);
    const [row] = await handle.query<{ seq: number }>("select seq from frontdesk.topics where topic = $1", [
      topic,
    ]);
    const last = row?.seq ?? 0;
    return Math.min(after ?? last, last);
  });
}

function parseMessage(body: string): ClientMessage {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    throw new VisibleError("validation", "not_json", 'Send JSON with an action, e.g. {"action":"ping"}.');
  }
  return parse(ClientMessage, value);
}

async function find(
  connectionId: string,
): Promise<{ userId: string; email: string; roles: Role[] } | undefined> {
  const [row] = await database.use(({ query }) =>
    query<{ userId: string; email: string; roles: string[] }>(
      `select c.user_id as "userId", u.email, c.roles from frontdesk.connections c
         join frontdesk.users u on u.id = c.user_id where c.id = $1`,
      [connectionId],
    ),
  );
  return row && { ...row, roles: rolesOf(row.roles) };
}

/** Drops what has outlived its time. */
export async function expire(): Promise<{ tickets: number; connections: number }> {
  const at = new Date(now());
  return database.use(async ({ query }) => {
    const tickets = await query("delete from frontdesk.tickets where expires_at <= $1 returning hash", [at]);
    const connections = await query("delete from frontdesk.connections where expires_at <= $1 returning id", [
      at,
    ]);
    return { tickets: tickets.length, connections: connections.length };
  });
}

/** Pushes what is owed to anybody, and drops what has outlived its time. */
export async function sweep(): Promise<{ pushed: number }> {
  await expire();
  return { pushed: await push() };
}
