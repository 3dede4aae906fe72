import { parseArgs } from "node:util";
import type { RunOptions } from "@frontdesk/local";

type Ports = NonNullable<RunOptions["ports"]>;
/** Names of `--port name=number`, and where each goes. */
const portNames: Record<string, (ports: Ports, port: number) => void> = {
  api: (ports, port) => {
    ports.gateways = { ...ports.gateways, Api: port };
  },
  websocket: (ports, port) => {
    ports.gateways = { ...ports.gateways, Realtime: port };
  },
  cdn: (ports, port) => {
    ports.gateways = { ...ports.gateways, Distribution: port };
  },
  aws: (ports, port) => {
    ports.aws = port;
  },
  smtp: (ports, port) => {
    ports.smtp = port;
  },
  postgres: (ports, port) => {
    ports.postgres = port;
  },
  redis: (ports, port) => {
    ports.redis = port;
  },
};

/** Whether a stage may have the name: lower-case letters, digits and dashes, 20 at most. */
export const isStage = (name: string): boolean => /^[a-z][a-z0-9-]{0,19}$/.test(name);

export interface CommandOptions {
  stage: string;
  fresh: boolean;
  once: boolean;
  ports: Ports;
}

/** Reads the command line; on a mistake says what is wrong and how it should be, and exits with 2. */
export function readOptions(command: string): CommandOptions {
  try {
    const { values } = parseArgs({
      options: {
        stage: { type: "string", default: "local" },
        fresh: { type: "boolean", default: false },
        once: { type: "boolean", default: false },
        port: { type: "string", multiple: true, default: [] },
      },
    });
    if (!isStage(values.stage))
      throw new Error(
        `--stage must be lower-case letters, digits and dashes, 20 at most, not "${values.stage}"`,
      );
    const ports: Ports = {};
    for (const entry of values.port) {
      const [name = "", value = ""] = entry.split("=");
      const port = Number(value);
      const set = portNames[name];
      if (!set)
        throw new Error(
          `--port ${entry}: there is no "${name}"; there are ${Object.keys(portNames).join(", ")}`,
        );
      if (!Number.isInteger(port) || port < 1 || port > 65_535)
        throw new Error(`--port ${entry}: a port is a number from 1 to 65535`);
      set(ports, port);
    }
    return { stage: values.stage, fresh: values.fresh, once: values.once, ports };
  } catch (error) {
    process.stderr.write(
      `${(error as Error).message}\nusage: ${command} [-- --stage name] [--fresh] [--once] [--port ${Object.keys(portNames).join("|")}=number]\n`,
    );
    process.exit(2);
  }
}
