/**
 * What a target's ARN and input ask for: the call that Scheduler makes.
 * https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-templated.html
 * https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-universal.html
 */
import type { Ports, Principal } from "../../cloud/types.ts";
import { invalid } from "./errors.ts";
import type { Target } from "./types.ts";

/** A call as the API of its service names it; dead letters carry it as text. */
export interface Request {
  service: "sqs" | "sns" | "lambda";
  /** In the form of universal targets: `arn:aws:scheduler:::aws-sdk:sqs:sendMessage`. */
  actionArn: string;
  parameters: Record<string, unknown>;
}

const UNIVERSAL = /^arn:aws[a-z-]*:scheduler:::aws-sdk:([a-z0-9]+):([a-zA-Z0-9]+)$/;
const RESOURCE = /^arn:aws[a-z-]*:([a-z0-9-]+):[a-z0-9-]*:\d*:.+$/;
const runnable: Record<Request["service"], string> = {
  sqs: "sendMessage",
  sns: "publish",
  lambda: "invoke",
};

/** Service of a target; undefined for what is no target's ARN. Universal targets are named whole, `aws-sdk:sqs:sendMessage`. */
export function serviceOf(arn: string): string | undefined {
  const [, service, action] = UNIVERSAL.exec(arn) ?? [];
  return service === undefined ? RESOURCE.exec(arn)?.[1] : `aws-sdk:${service}:${action}`;
}

/** Why a target does not run here; undefined: it does. */
export function notRunHere(arn: string): string | undefined {
  const service = serviceOf(arn);
  const named = Object.entries(runnable).some(
    ([name, action]) => service === name || service === `aws-sdk:${name}:${action}`,
  );
  return named ? undefined : "only queues, topics and functions are targets of schedules here";
}

/** @param input With its keywords replaced. */
export function requestOf(target: Target, input: string): Request {
  const { Arn: arn, SqsParameters: sqs } = target;
  switch (serviceOf(arn)) {
    case "sqs":
      return request("sqs", {
        MessageBody: input,
        QueueUrl: queueUrl(arn),
        ...(sqs?.MessageGroupId !== undefined && { MessageGroupId: sqs.MessageGroupId }),
      });
    case "sns":
      return request("sns", { TopicArn: arn, Message: input });
    case "lambda":
      return request("lambda", { FunctionName: arn, InvocationType: "Event", Payload: input });
    case "aws-sdk:sqs:sendMessage":
      return request("sqs", parse(input));
    case "aws-sdk:sns:publish":
      return request("sns", parse(input));
    case "aws-sdk:lambda:invoke":
      return request("lambda", parse(input));
    default:
      throw new Error(notRunHere(arn));
  }
}
function request(service: Request["service"], parameters: Record<string, unknown>): Request {
  return { service, actionArn: `arn:aws:scheduler:::aws-sdk:${service}:${runnable[service]}`, parameters };
}
function parse(input: string): Record<string, unknown> {
  const parameters: unknown = JSON.parse(input);
  if (typeof parameters !== "object" || parameters === null)
    throw invalid("The input of a universal target must be a JSON object.");
  return parameters as Record<string, unknown>;
}

/** Makes the call as the schedule's role, which is authorised for it. @throws AwsError of the service. */
export async function perform(
  ports: Ports,
  principal: Principal,
  { service, parameters }: Request,
  region: string,
) {
  const text = (name: string) => {
    const value = parameters[name];
    return typeof value === "string" ? value : undefined;
  };
  const needed = (name: string) => {
    const value = text(name);
    if (value === undefined) throw invalid(`The input of the target has no ${name}.`);
    return value;
  };
  switch (service) {
    case "sqs": {
      const { DelaySeconds: delaySeconds } = parameters;
      const groupId = text("MessageGroupId");
      const deduplicationId = text("MessageDeduplicationId");
      await ports.sqs.send(principal, queueArn(needed("QueueUrl")), {
        body: needed("MessageBody"),
        ...(typeof delaySeconds === "number" && { delaySeconds }),
        ...(groupId !== undefined && { groupId }),
        ...(deduplicationId !== undefined && { deduplicationId }),
      });
      return;
    }
    case "sns": {
      const subject = text("Subject");
      await ports.sns.publish(principal, needed("TopicArn"), {
        message: needed("Message"),
        ...(subject !== undefined && { subject }),
      });
      return;
    }
    case "lambda": {
      const account = "roleArn" in principal ? principal.roleArn.split(":")[4] : "";
      const name = needed("FunctionName");
      const arn = name.startsWith("arn:") ? name : `arn:aws:lambda:${region}:${account}:function:${name}`;
      const payload = text("Payload") ?? "{}";
      // A version or alias is the function itself here.
      await ports.lambda.invokeAsync(principal, arn.split(":").slice(0, 7).join(":"), JSON.parse(payload));
    }
  }
}

/** `arn:aws:sqs:eu-west-1:111122223333:jobs` -> `https://sqs.eu-west-1.amazonaws.com/111122223333/jobs` */
function queueUrl(arn: string): string {
  const [, , , region = "", account = "", name = ""] = arn.split(":");
  return `https://sqs.${region}.amazonaws.com/${account}/${name}`;
}
function queueArn(url: string): string {
  const [, region, account, name] =
    /^https?:\/\/sqs\.([a-z0-9-]+)\.amazonaws\.com\/(\d{12})\/([^/?#]+)$/.exec(url) ?? [];
  if (name === undefined) throw invalid(`${url.slice(0, 200)} is no queue's URL.`);
  return `arn:aws:sqs:${region}:${account}:${name}`;
}
