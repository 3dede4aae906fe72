import { Failure } from "../resp.ts";
import { clusterCommands } from "./cluster.ts";
import type { Command } from "./command.ts";
import { connectionCommands } from "./connections.ts";
import { hashCommands } from "./hashes.ts";
import { keyCommands } from "./keys.ts";
import { listCommands } from "./lists.ts";
import { pubsubCommands } from "./pubsub.ts";
import { scriptCommands } from "./scripts.ts";
import { setCommands } from "./sets.ts";
import { sortedSetCommands } from "./sorted-sets.ts";
import { stringCommands } from "./strings.ts";
import { transactionCommands } from "./transactions.ts";

/**
 * Every command by its name in lower case. Streams, geography, HyperLogLog and functions are not among them: who
 * needs those installs a Redis server, which is used then.
 */
export const commands: ReadonlyMap<string, Command> = new Map(
  [
    connectionCommands,
    keyCommands,
    stringCommands,
    hashCommands,
    listCommands,
    setCommands,
    sortedSetCommands,
    pubsubCommands,
    transactionCommands,
    scriptCommands,
    clusterCommands,
  ].flatMap((table) => Object.entries(table)),
);

/** @throws Failure for a command that does not exist or has too few or many arguments. */
export function checkCommand(name: string, args: string[]): void {
  const word = name.toLowerCase();
  const command = commands.get(word);
  if (!command)
    throw new Failure(
      `ERR unknown command '${name.slice(0, 128)}', with args beginning with: ${args
        .slice(0, 20)
        .map((arg) => `'${arg.slice(0, 128)}' `)
        .join("")}`,
    );
  const given = args.length + 1;
  if (command.arity >= 0 ? given !== command.arity : given < -command.arity)
    throw new Failure(`ERR wrong number of arguments for '${word}' command`);
}
