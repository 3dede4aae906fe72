// @ts-check
/**
 * Loaded into a function's process before anything of the function, by `--require`: worker threads and forks of it
 * get it too, those that evaluate a text as well, which `--import` does not reach.
 *
 * The function connects to the names that AWS would give; every TCP connection to a name of the run is led to its
 * loopback port, while TLS goes on verifying the name. Whatever is neither a name of the run nor loopback is refused:
 * no request of a local run reaches the network.
 *
 * `SST_LOCAL_ADDRESSES` is JSON, `{"host:port": "127.0.0.1:port"}`; a host may begin with `*.`, the longest wins.
 *
 * Patched where all of Node's clients come together: `net.Socket#connect` (http, https, http2, tls, fetch, pg,
 * ioredis, ws) and `dns`. A library that resolves a name itself and connects to the address gets an address of
 * 127.83.0.0/16 that stands for the name.
 */
const dns = require("node:dns");
const { syncBuiltinESMExports } = require("node:module");
const net = require("node:net");
const { promisify } = require("node:util");

/** @type {Map<string, Map<number, number>>} host -> port -> loopback port */
const hosts = new Map();
for (const [name, target] of Object.entries(JSON.parse(process.env.SST_LOCAL_ADDRESSES || "{}"))) {
  const { host, port } = split(name);
  const ports = hosts.get(host) ?? new Map();
  ports.set(port, split(String(target)).port);
  hosts.set(host, ports);
}
/** Longest first. */
const wildcards = [...hosts.keys()]
  .filter((host) => host.startsWith("*."))
  .sort((a, b) => b.length - a.length)
  .map((host) => host.slice(1));

/** @param {string} name `host:port` */
function split(name) {
  const colon = name.lastIndexOf(":");
  return { host: name.slice(0, colon).toLowerCase(), port: Number(name.slice(colon + 1)) };
}

/** @param {string} host */
const normalise = (host) =>
  host
    .toLowerCase()
    .replace(/^\[(.*)\]$/, "$1")
    .replace(/\.$/, "");

/** @param {string} host Normalised. */
function loopback(host) {
  if (net.isIP(host)) return /^(127\.|::ffff:127\.)/.test(host) || ["::1", "0.0.0.0", "::"].includes(host);
  return host === "localhost" || host.endsWith(".localhost");
}

/**
 * Loopback ports by port of a host of the run. A host named in full hides the wildcards for the ports it lists only.
 * @param {string} host Normalised.
 */
function* portsOf(host) {
  const exact = hosts.get(host);
  if (exact) yield exact;
  for (const suffix of wildcards) {
    const ports = host.endsWith(suffix) ? hosts.get(`*${suffix}`) : undefined;
    if (ports) yield ports;
  }
}

/** @type {Map<string, string>} */
const addressOf = new Map();
/** @type {Map<string, string>} */
const nameOf = new Map();
/** The address that stands for a name of the run. @param {string} host Normalised. */
function standIn(host) {
  let address = addressOf.get(host);
  if (!address) {
    const index = addressOf.size + 1;
    address = `127.83.${index >> 8}.${index & 255}`;
    addressOf.set(host, address);
    nameOf.set(address, host);
  }
  return address;
}

/** @param {string} host @param {number} [port] */
function refusal(host, port) {
  const known = port !== undefined && !portsOf(host).next().done;
  const what = known ? `port ${port} of host ${host}` : `host ${host}`;
  return Object.assign(new Error(`no request leaves this machine: ${what} is not part of the local run`), {
    code: "ERR_NOT_IN_LOCAL_RUN",
    hostname: host,
    ...(port !== undefined && { port }),
  });
}

const connect = net.Socket.prototype.connect;
net.Socket.prototype.connect = /** @this {net.Socket} @param {any[]} args @returns {net.Socket} */ function (
  ...args
) {
  const { options, callback } = connectArguments(args);
  const port = Number(options.port);
  if (options.path || !Number.isInteger(port)) return Reflect.apply(connect, this, args);
  const asked = normalise(options.host || "localhost");
  const host = nameOf.get(asked) ?? asked;
  if (loopback(host)) return Reflect.apply(connect, this, args);
  for (const ports of portsOf(host)) {
    const target = ports.get(port);
    if (target !== undefined) {
      const { lookup, family, localAddress, ...rest } = options;
      return Reflect.apply(connect, this, [{ ...rest, host: "127.0.0.1", port: target }, callback]);
    }
  }
  // Failing as a lookup that fails keeps the socket in its ordinary states, whatever the client does meanwhile.
  const refuse = (
    /** @type {string} */ _name,
    /** @type {unknown} */ _options,
    /** @type {(error: Error) => void} */ done,
  ) => done(refusal(host, port));
  return Reflect.apply(connect, this, [{ ...options, host: "refused.invalid", lookup: refuse }, callback]);
};

/**
 * The shapes of https://nodejs.org/api/net.html#socketconnect, and the array that `net.connect` passes on.
 * @param {any[]} args
 * @returns {{options: any, callback?: () => void}}
 */
function connectArguments(args) {
  const [first, ...rest] = Array.isArray(args[0]) ? args[0] : args;
  const callback = rest.findLast((value) => typeof value === "function");
  if (typeof first === "object" && first !== null) return { options: first, callback };
  if (typeof first === "string" && Number.isNaN(Number(first))) return { options: { path: first }, callback };
  return { options: { port: first, host: typeof rest[0] === "string" ? rest[0] : undefined }, callback };
}

/**
 * What a lookup of a name answers; undefined: ask the machine. Addresses are looked up too by UDP sockets.
 * @param {unknown} name
 * @returns {{address: string} | {error: Error} | undefined}
 */
function find(name) {
  const host = normalise(String(name ?? ""));
  if (host === "" || loopback(host)) return undefined;
  return portsOf(host).next().done ? { error: refusal(host) } : { address: standIn(host) };
}

const lookup = dns.lookup;
/** @type {any} */
const patchedLookup = (
  /** @type {string} */ name,
  /** @type {any} */ options,
  /** @type {any} */ callback,
) => {
  const done = typeof options === "function" ? options : callback;
  const found = find(name);
  if (!found || typeof done !== "function") return Reflect.apply(lookup, dns, [name, options, callback]);
  process.nextTick(() => {
    if ("error" in found) done(found.error);
    else if (options?.all) done(null, [{ address: found.address, family: 4 }]);
    else done(null, found.address, 4);
  });
  return {};
};
const promisedLookup = dns.promises.lookup;
/** @type {any} */
const patchedPromisedLookup = async (/** @type {string} */ name, /** @type {any} */ options) => {
  const found = find(name);
  if (!found) return Reflect.apply(promisedLookup, dns.promises, [name, options]);
  if ("error" in found) throw found.error;
  const answer = { address: found.address, family: 4 };
  return options?.all ? [answer] : answer;
};
patchedLookup[promisify.custom] = patchedPromisedLookup;
dns.lookup = patchedLookup;
dns.promises.lookup = patchedPromisedLookup;

/** Answers of the resolver's own protocol, which would go out by UDP. @param {string} method @param {any[]} args */
function resolve(method, args) {
  const found = find(args[0]);
  if (
    found &&
    "address" in found &&
    (method === "resolve4" || (method === "resolve" && isAddressType(args[1])))
  )
    return { answer: args[1]?.ttl ? [{ address: found.address, ttl: 60 }] : [found.address] };
  return { error: found && "error" in found ? found.error : refusal(normalise(String(args[0]))) };
}
/** @param {unknown} type */
const isAddressType = (type) => typeof type !== "string" || type === "A";

for (const [owner, promised] of /** @type {[any, boolean][]} */ ([
  [dns, false],
  [dns.Resolver.prototype, false],
  [dns.promises, true],
  [dns.promises.Resolver.prototype, true],
]))
  for (const method of Object.getOwnPropertyNames(dns).filter((name) => /^(resolve|reverse)/.test(name))) {
    if (typeof owner[method] !== "function") continue;
    owner[method] = promised
      ? async (/** @type {any[]} */ ...args) => {
          const { answer, error } = resolve(method, args);
          if (error) throw error;
          return answer;
        }
      : (/** @type {any[]} */ ...args) => {
          const { answer, error } = resolve(method, args);
          const done = args.at(-1);
          process.nextTick(() => (error ? done(error) : done(null, answer)));
          return {};
        };
  }

// `import { lookup } from "node:dns"` reads bindings of its own.
syncBuiltinESMExports();
