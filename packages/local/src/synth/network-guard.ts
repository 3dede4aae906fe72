import net from "node:net";
import { SynthesisError } from "./errors.ts";

/** A synthesis reaches nothing but loopback: whatever else the program tries to connect to is refused by name. */
export function refuseNetwork() {
  const connect = net.Socket.prototype.connect;
  net.Socket.prototype.connect = function (this: net.Socket, ...args: unknown[]) {
    const target = hostOf(args);
    if (target !== undefined && !loopback(target))
      throw new SynthesisError(
        `the program tried to connect to ${target}: sst.config.ts must not need a network to be synthesised`,
      );
    return Reflect.apply(connect, this, args) as net.Socket;
  } as typeof connect;
}

/** Host of the many shapes of `connect`'s arguments; undefined for pipes. */
function hostOf(args: unknown[]): string | undefined {
  const normalised = Array.isArray(args[0]) ? (args[0] as unknown[]) : args;
  const [first, second] = normalised;
  if (typeof first === "object" && first !== null) {
    const { path, host } = first as { path?: string; host?: string };
    return path ? undefined : (host ?? "localhost");
  }
  if (typeof first === "string" && Number.isNaN(Number(first))) return undefined;
  return typeof second === "string" ? second : "localhost";
}

function loopback(host: string) {
  return host === "localhost" || host === "::1" || host.startsWith("127.");
}
