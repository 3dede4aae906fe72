import { rule } from "../rule.ts";
import { value } from "../world.ts";

/** What each engine listens on where nothing is said. */
const defaults: Record<string, number> = {
  postgres: 5432,
  mysql: 3306,
  mariadb: 3306,
  redis: 6379,
  valkey: 6379,
};

export const portRules = [
  rule({
    name: "ports.unusual",
    controls: ["AwsSolutions-AEC5", "AwsSolutions-RDS11", "RDS.23"],
    statement: "No database or cache listens on the port of its kind",
    mend: "set port",
    absent: "no database and no cache",
    over: (world) => world.all("databaseCluster", "databaseInstance", "cacheCluster"),
    wrong: (store) => {
      const engine = String(value(store, "engine") ?? "redis");
      const usual = Object.entries(defaults).find(([name]) => engine.includes(name))?.[1];
      const port = Number(value(store, "port") ?? usual);
      return port === usual && `listens on ${port}`;
    },
  }),
];
