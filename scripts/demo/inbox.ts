/** The client's side of the demo: a socket that listens to the mailboxes, and the API that is read back afterwards. */
import { WebSocket } from "ws";

export interface Received {
  topic: string;
  seq: number;
  type: string;
  data: { messageId?: string; threadId?: string; trace?: string; subject?: string };
  /** Milliseconds since the epoch. */
  at: number;
}

export interface Api {
  get<T>(path: string): Promise<T>;
  post<T>(path: string, body?: unknown): Promise<T>;
}

/** @param token A JWT of the pool. */
export function apiClient(base: string, token: string, origin: string): Api {
  async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await fetch(base + path, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        origin,
        ...(body !== undefined && { "content-type": "application/json" }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    if (!response.ok)
      throw new Error(`${method} ${path} answered ${response.status}: ${await response.text()}`);
    return (await response.json()) as T;
  }
  return { get: (path) => call("GET", path), post: (path, body) => call("POST", path, body ?? {}) };
}

export interface Listener {
  events: Received[];
  /** Resolves when `done` says so, looked at after each event; rejects after `timeoutMs`. */
  until(done: () => boolean, timeoutMs: number): Promise<void>;
  close(): void;
}

/** A topic, and the last number that is known of it: what came since follows. Without a number: from now on. */
export type Subscription = string | { topic: string; after: number };

/** Opens a socket with a one-time ticket and subscribes to the topics. Resolves when every subscription is confirmed. */
export async function listen(
  api: Api,
  url: string,
  origin: string,
  subscriptions: Subscription[],
): Promise<Listener> {
  const { ticket } = await api.post<{ ticket: string }>("/realtime/tickets");
  const socket = new WebSocket(`${url}?ticket=${encodeURIComponent(ticket)}`, { origin });
  const events: Received[] = [];
  const watchers = new Set<() => void>();
  let closed = "";
  const subscribed = new Set<string>();

  socket.on("message", (raw) => {
    const message = JSON.parse(String(raw)) as {
      action?: string;
      topic?: string;
      code?: string;
      message?: string;
    } & Omit<Received, "at">;
    if (message.action === "event")
      events.push({
        topic: message.topic,
        seq: message.seq,
        type: message.type,
        data: message.data,
        at: Date.now(),
      });
    else if (message.action === "subscribed") subscribed.add(message.topic);
    else if (message.action === "error" || !message.action)
      closed = `the server said ${message.code ?? ""} ${message.message ?? String(raw)}`;
    for (const watcher of watchers) watcher();
  });
  socket.on("close", (code) => {
    closed ||= `the socket was closed with ${code}`;
    for (const watcher of watchers) watcher();
  });
  await new Promise<void>((resolve, reject) => {
    socket.once("open", () => resolve());
    socket.once("error", reject);
  });

  const listener: Listener = {
    events,
    until: (done, timeoutMs) =>
      new Promise((resolve, reject) => {
        const finish = (error?: Error) => {
          clearTimeout(timer);
          watchers.delete(look);
          if (error) reject(error);
          else resolve();
        };
        const look = () => {
          if (done()) finish();
          else if (closed) finish(new Error(closed));
        };
        const timer = setTimeout(
          () => finish(new Error(`nothing more came for ${timeoutMs / 1000} s`)),
          timeoutMs,
        );
        watchers.add(look);
        look();
      }),
    close: () => socket.close(),
  };
  const wanted = subscriptions.map((one) => (typeof one === "string" ? { topic: one } : one));
  for (const one of wanted) socket.send(JSON.stringify({ action: "subscribe", ...one }));
  await listener.until(() => wanted.every(({ topic }) => subscribed.has(topic)), 20_000);
  return listener;
}

interface Page<T> {
  items: T[];
  nextCursor?: string | null;
}
async function all<T>(api: Api, path: string): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | null | undefined;
  do {
    const page: Page<T> = await api.get(
      `${path}${path.includes("?") ? "&" : "?"}limit=100${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`,
    );
    items.push(...page.items);
    cursor = page.nextCursor;
  } while (cursor);
  return items;
}

export interface StoredMessage {
  id: string;
  subject: string;
  trace: string;
  attachments: { id: string; filename: string | null; size: number }[];
}

/** Everything that the API shows, thread by thread. */
export async function readBack(api: Api): Promise<{ threads: number; messages: StoredMessage[] }> {
  const threads = await all<{ id: string }>(api, "/threads");
  const messages: StoredMessage[] = [];
  for (const { id } of threads) {
    const thread = await api.get<{ messages: { id: string }[] }>(`/threads/${id}`);
    for (const message of thread.messages)
      messages.push(await api.get<StoredMessage>(`/messages/${message.id}`));
  }
  return { threads: threads.length, messages };
}
