import type { Addresses } from "./types.ts";

export function createAddresses(): Addresses {
  const map = new Map<string, string>();
  return {
    add(host, port, target) {
      map.set(`${host.toLowerCase()}:${port}`, `127.0.0.1:${target.port}`);
    },
    toJSON: () => Object.fromEntries(map),
  };
}
