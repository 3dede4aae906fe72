/** AWS Secrets Manager. https://docs.aws.amazon.com/secretsmanager/latest/apireference/ */
import { AwsError } from "../../cloud/errors.ts";
import type { AwsAnswer, AwsService, Cloud, Part } from "../../cloud/types.ts";
import { createOperations } from "./operations.ts";
import { CURRENT, createSecretStore } from "./store.ts";

export interface Secrets extends AwsService, Part {
  /** Current value of a secret of the plan; undefined when it has none. */
  value(arn: string): string | undefined;
}

export function createSecrets(cloud: Cloud): Secrets {
  const store = createSecretStore(cloud);
  const operations = createOperations(cloud, store);
  let loaded = false;
  const load = () => {
    if (!loaded) store.load();
    loaded = true;
  };

  return {
    signingNames: ["secretsmanager"],
    async handle(call): Promise<AwsAnswer> {
      load();
      const operation = operations[call.operation];
      if (!operation)
        throw new AwsError(
          "UnknownOperationException",
          `Secrets Manager's ${call.operation || "operation"} is not part of this local run; it knows ${Object.keys(operations).join(", ")}.`,
        );
      return { body: operation(call) };
    },
    value(arn) {
      load();
      const secret = store.find(arn, arn.split(":")[3] ?? "");
      return secret?.versions.find(({ stages }) => stages.includes(CURRENT))?.secretString;
    },
    async start() {
      load();
    },
    async stop() {},
  };
}
