/** Logging in, naming oneself, asking who is there. */
import { Failure, OK, Pairs, type Reply, Status } from "../resp.ts";
import { type Context, integer, syntaxError, type Table } from "./command.ts";

/** ElastiCache's last Redis OSS. */
export const VERSION = "7.1.0";

function logIn({ engine, session }: Context, user: string, password: string) {
  if (engine.options.authToken === undefined)
    throw new Failure(
      "ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?",
    );
  if (user !== "default" || !engine.isPassword(password))
    throw new Failure("WRONGPASS invalid username-password pair or user is disabled.");
  session.authenticated = true;
}

function hello(context: Context, [version, ...args]: string[]): Reply {
  const { engine, session } = context;
  if (version !== undefined && version !== "2" && version !== "3")
    throw new Failure("NOPROTO unsupported protocol version");
  for (let index = 0; index < args.length; ) {
    const option = args[index]?.toUpperCase();
    if (option === "AUTH" && index + 2 < args.length) {
      logIn(context, args[index + 1] ?? "", args[index + 2] ?? "");
      index += 3;
    } else if (option === "SETNAME" && index + 1 < args.length) {
      session.name = checkedName(args[index + 1] ?? "");
      index += 2;
    } else throw syntaxError();
  }
  if (!session.authenticated)
    throw new Failure(
      "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time",
    );
  if (version !== undefined) session.version = version === "3" ? 3 : 2;
  return new Pairs([
    ["server", "redis"],
    ["version", VERSION],
    ["proto", session.version],
    ["id", session.id],
    ["mode", engine.options.cluster ? "cluster" : "standalone"],
    ["role", "master"],
    ["modules", []],
  ]);
}

function checkedName(name: string): string {
  if (!/^[!-~]*$/.test(name))
    throw new Failure("ERR Client names cannot contain spaces, newlines or special characters.");
  return name;
}

function client({ session, engine }: Context, [subcommand = "", ...args]: string[]): Reply {
  const line = (one: typeof session) =>
    `id=${one.id} name=${one.name} db=${one.database} sub=${one.subscriptions.channels.size} psub=${one.subscriptions.patterns.size} multi=${one.queue?.length ?? -1} resp=${one.version}\n`;
  switch (subcommand.toUpperCase()) {
    case "SETNAME":
      session.name = checkedName(args[0] ?? "");
      return OK;
    case "GETNAME":
      return session.name === "" ? null : session.name;
    case "ID":
      return session.id;
    case "INFO":
      return line(session);
    case "LIST":
      return [...engine.sessions].map(line).join("");
    // What clients tell of themselves and wish for; it changes nothing here.
    case "SETINFO":
    case "NO-EVICT":
    case "NO-TOUCH":
      return OK;
    default:
      throw new Failure(`ERR unknown subcommand '${subcommand}'. Try CLIENT HELP.`);
  }
}

function info({ engine, now }: Context, wanted: string[]): string {
  const sections: Record<string, Record<string, string | number>> = {
    Server: {
      redis_version: VERSION,
      redis_mode: engine.options.cluster ? "cluster" : "standalone",
      process_id: process.pid,
      uptime_in_seconds: Math.floor((now() - engine.startedAt) / 1000),
    },
    Clients: { connected_clients: engine.sessions.size, blocked_clients: engine.waiting },
    Memory: { used_memory: process.memoryUsage().heapUsed, maxmemory: 0, maxmemory_policy: "noeviction" },
    Persistence: { loading: 0 },
    Replication: { role: "master", connected_slaves: 0 },
    Cluster: { cluster_enabled: engine.options.cluster ? 1 : 0 },
    Keyspace: Object.fromEntries(
      engine.databases.flatMap((database, number) => {
        const keys = database.keys();
        const expires = keys.filter((key) => database.expiresAt(key) !== undefined).length;
        return keys.length > 0 ? [[`db${number}`, `keys=${keys.length},expires=${expires},avg_ttl=0`]] : [];
      }),
    ),
  };
  const names = wanted.map((name) => name.toLowerCase());
  const all = names.length === 0 || names.some((name) => ["all", "default", "everything"].includes(name));
  return Object.entries(sections)
    .filter(([name]) => all || names.includes(name.toLowerCase()))
    .map(([name, lines]) =>
      [`# ${name}`, ...Object.entries(lines).map(([key, value]) => `${key}:${value}`), ""].join("\r\n"),
    )
    .join("\r\n");
}

export const connectionCommands: Table = {
  ping: {
    arity: -1,
    run({ session }, args) {
      if (args.length > 1) throw new Failure("ERR wrong number of arguments for 'ping' command");
      const { channels, patterns } = session.subscriptions;
      if (session.version === 2 && channels.size + patterns.size > 0) return ["pong", args[0] ?? ""];
      return args[0] ?? new Status("PONG");
    },
  },
  echo: { arity: 2, run: (_context, [text = ""]) => text },
  auth: {
    arity: -2,
    noScript: true,
    run(context, args) {
      if (args.length > 2) throw syntaxError();
      const [first = "", second] = args;
      logIn(context, second === undefined ? "default" : first, second ?? first);
      return OK;
    },
  },
  hello: { arity: -1, noScript: true, run: hello },
  quit: {
    arity: -1,
    noScript: true,
    run({ session }) {
      setImmediate(() => session.end());
      return OK;
    },
  },
  reset: {
    arity: 1,
    noScript: true,
    run({ session }) {
      session.reset();
      return new Status("RESET");
    },
  },
  select: {
    arity: 2,
    run({ session, engine }, [text = ""]) {
      const number = integer(text);
      if (engine.options.cluster && number !== 0)
        throw new Failure("ERR SELECT is not allowed in cluster mode");
      if (number < 0 || number >= engine.databases.length) throw new Failure("ERR DB index is out of range");
      session.database = number;
      return OK;
    },
  },
  client: { arity: -2, noScript: true, run: client },
  info: { arity: -1, run: info },
  time: {
    arity: 1,
    run({ now }) {
      const milliseconds = now();
      return [String(Math.floor(milliseconds / 1000)), String((milliseconds % 1000) * 1000)];
    },
  },
  command: {
    arity: -1,
    run({ engine: { commands } }, [subcommand]) {
      switch (subcommand?.toUpperCase() ?? "") {
        case "COUNT":
          return commands.size;
        case "LIST":
          return [...commands.keys()];
        case "DOCS":
          return new Pairs([]);
        case "":
          return [...commands].map(([name, { arity }]): Reply => [name, arity, [], 0, 0, 0]);
        default:
          throw new Failure(`ERR unknown subcommand '${subcommand}'. Try COMMAND HELP.`);
      }
    },
  },
  /** There are no replicas to wait for. */
  wait: { arity: 3, noScript: true, run: () => 0 },
};
