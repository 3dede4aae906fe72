/** A cluster of one node that has all slots (https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/). */
import { createHash } from "node:crypto";
import { Failure, OK, Pairs, type Reply } from "../resp.ts";
import { integer, type Table } from "./command.ts";

const SLOTS = 16384;

/** CRC16 (XMODEM) of the key, or of what it has in its first braces. */
export function keySlot(key: string): number {
  const open = key.indexOf("{");
  const close = open < 0 ? -1 : key.indexOf("}", open + 1);
  const hashed = close > open + 1 ? key.slice(open + 1, close) : key;
  let crc = 0;
  for (let at = 0; at < hashed.length; at++) {
    crc ^= hashed.charCodeAt(at) << 8;
    for (let bit = 0; bit < 8; bit++) crc = ((crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1) & 0xffff) >>> 0;
  }
  return crc % SLOTS;
}

const off = () => new Failure("ERR This instance has cluster support disabled");

export const clusterCommands: Table = {
  cluster: {
    arity: -2,
    run({ engine, db }, [subcommand = "", ...args]): Reply {
      const { cluster } = engine.options;
      const name = subcommand.toUpperCase();
      if (!cluster) throw off();
      if (name === "KEYSLOT") return keySlot(args[0] ?? "");
      const id = createHash("sha1").update(`${cluster.host}:${cluster.port}`).digest("hex");
      switch (name) {
        case "SLOTS":
          return [[0, SLOTS - 1, [cluster.host, cluster.port, id, []]]];
        case "SHARDS":
          return [
            new Pairs([
              ["slots", [0, SLOTS - 1]],
              [
                "nodes",
                [
                  new Pairs([
                    ["id", id],
                    ["port", cluster.port],
                    ["ip", "127.0.0.1"],
                    ["endpoint", cluster.host],
                    ["hostname", cluster.host],
                    ["role", "master"],
                    ["replication-offset", 0],
                    ["health", "online"],
                  ]),
                ],
              ],
            ]),
          ];
        case "NODES":
          return `${id} 127.0.0.1:${cluster.port}@${cluster.port + 10000},${cluster.host} myself,master - 0 0 1 connected 0-${SLOTS - 1}\n`;
        case "INFO":
          return [
            "cluster_enabled:1",
            "cluster_state:ok",
            `cluster_slots_assigned:${SLOTS}`,
            `cluster_slots_ok:${SLOTS}`,
            "cluster_slots_pfail:0",
            "cluster_slots_fail:0",
            "cluster_known_nodes:1",
            "cluster_size:1",
            "cluster_current_epoch:1",
            "cluster_my_epoch:1",
            "",
          ].join("\r\n");
        case "MYID":
          return id;
        case "COUNTKEYSINSLOT":
          return db.keys().filter((key) => keySlot(key) === integer(args[0] ?? "")).length;
        default:
          throw new Failure(`ERR unknown subcommand '${subcommand}'. Try CLUSTER HELP.`);
      }
    },
  },
  readonly: {
    arity: 1,
    run({ engine }) {
      if (!engine.options.cluster) throw off();
      return OK;
    },
  },
  readwrite: {
    arity: 1,
    run({ engine }) {
      if (!engine.options.cluster) throw off();
      return OK;
    },
  },
  asking: {
    arity: 1,
    run({ engine }) {
      if (!engine.options.cluster) throw off();
      return OK;
    },
  },
};
