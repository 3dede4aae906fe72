import { parseArgs } from "node:util";

export interface TunnelOptions {
  stage: string;
  region: string;
  /** Database user; undefined for the stage's application user. */
  user: string | undefined;
  /** As the master, with its password: when IAM or the proxy is what is broken, or on a restored copy. */
  master: boolean;
  /** Another cluster behind the same bastion: a restored copy. */
  host: string | undefined;
  localPort: number | undefined;
  /** File of certificate authorities, instead of Amazon's own. */
  ca: string | undefined;
  /** Says how to connect and keeps the tunnel open, instead of starting psql. */
  print: boolean;
  /** Handed to psql. */
  psql: string[];
}

const usage =
  "usage: npm run tunnel -- --stage name [--user name | --master] [--host endpoint] [--region name] [--local-port number] [--ca file] [--print] [-- arguments of psql]";

/** @throws Error that names what is wrong, and how it is used. */
export function readTunnelOptions(args: string[], homeRegion: string): TunnelOptions {
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        stage: { type: "string" },
        region: { type: "string", default: homeRegion },
        user: { type: "string" },
        master: { type: "boolean", default: false },
        host: { type: "string" },
        "local-port": { type: "string" },
        ca: { type: "string" },
        print: { type: "boolean", default: false },
      },
    });
    const { stage, user, master } = values;
    if (stage === undefined || !/^[a-zA-Z][a-zA-Z0-9-]*$/.test(stage))
      throw new Error("--stage must name a deployed stage, such as production");
    if (user !== undefined && master) throw new Error("--user and --master exclude each other");
    if (values.host !== undefined && !/^[a-z0-9][a-z0-9.-]+\.rds\.amazonaws\.com$/.test(values.host))
      throw new Error(
        "--host must be the endpoint of a cluster, such as copy.cluster-abc.ca-central-1.rds.amazonaws.com",
      );
    const localPort = values["local-port"] === undefined ? undefined : Number(values["local-port"]);
    if (localPort !== undefined && !(Number.isInteger(localPort) && localPort > 0 && localPort < 65_536))
      throw new Error("--local-port must be a number from 1 to 65535");
    if (values.print && positionals.length > 0)
      throw new Error("--print starts no psql to hand arguments to");
    return {
      stage,
      region: values.region,
      user,
      master,
      host: values.host,
      localPort,
      ca: values.ca,
      print: values.print,
      psql: positionals,
    };
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${usage}`);
  }
}
