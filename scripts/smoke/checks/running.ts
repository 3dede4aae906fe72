/** Whether what was deployed runs, asked of AWS with the credentials of whoever deploys. */
import { CloudWatchClient, DescribeAlarmsCommand } from "@aws-sdk/client-cloudwatch";
import {
  CloudWatchLogsClient,
  DescribeLogGroupsCommand,
  FilterLogEventsCommand,
} from "@aws-sdk/client-cloudwatch-logs";
import { GetFunctionConfigurationCommand, InvokeCommand, LambdaClient } from "@aws-sdk/client-lambda";
import { GetQueueAttributesCommand, SQSClient } from "@aws-sdk/client-sqs";
import { DescribeInstanceInformationCommand, SSMClient } from "@aws-sdk/client-ssm";
import { Broken, type Smoke, text } from "../context.ts";
import { asPerson } from "./gateways.ts";

export async function deadLettersAreEmpty(smoke: Smoke): Promise<string> {
  const queues = smoke.all("aws:sqs/queue:Queue", /DeadLetter/);
  for (const queue of queues) {
    const sqs = new SQSClient(smoke.aws(queue.region));
    try {
      const { Attributes } = await sqs.send(
        new GetQueueAttributesCommand({
          QueueUrl: text(queue, "url"),
          AttributeNames: ["ApproximateNumberOfMessages"],
        }),
      );
      const count = Number(Attributes?.ApproximateNumberOfMessages);
      if (count !== 0) throw new Broken(`${queue.name} holds ${count} messages`);
    } finally {
      sqs.destroy();
    }
  }
  return `${queues.length} dead-letter queues are empty`;
}

/** The sweep logs in to the database, lists the mail bucket and looks for what to push, from the private subnets. */
export async function sweepRuns(smoke: Smoke): Promise<string> {
  const sweep = smoke.one("aws:lambda/function:Function", /^OutboxSweep/);
  const lambda = new LambdaClient(smoke.aws(sweep.region));
  try {
    const { FunctionError, StatusCode } = await lambda.send(
      new InvokeCommand({ FunctionName: text(sweep, "name"), Payload: "{}" }),
    );
    if (FunctionError || StatusCode !== 200)
      throw new Broken(`${text(sweep, "name")} failed (${FunctionError ?? StatusCode}): its log says why`);
    return "the sweep ran: database, mail bucket and websocket API are reached from the private subnets";
  } finally {
    lambda.destroy();
  }
}

export async function functionsAreActive(smoke: Smoke): Promise<string> {
  const functions = smoke.all("aws:lambda/function:Function");
  for (const fn of functions) {
    const lambda = new LambdaClient(smoke.aws(fn.region));
    try {
      const found = await lambda.send(
        new GetFunctionConfigurationCommand({ FunctionName: text(fn, "name") }),
      );
      const expected = { State: "Active", LastUpdateStatus: "Successful", Runtime: text(fn, "runtime") };
      for (const [key, value] of Object.entries(expected)) {
        const is = found[key as keyof typeof expected];
        if (is !== value) throw new Broken(`${fn.name}: ${key} is ${is}, not ${value}`);
      }
      const architecture = (fn.outputs.architectures as string[] | undefined)?.[0];
      if (architecture && found.Architectures?.[0] !== architecture)
        throw new Broken(`${fn.name} runs on ${found.Architectures?.[0]}, not on ${architecture}`);
      const layers = ((fn.outputs.layers ?? []) as string[]).toSorted();
      const has = (found.Layers ?? []).map(({ Arn }) => Arn ?? "").toSorted();
      if (layers.join() !== has.join()) throw new Broken(`${fn.name} has other layers than were deployed`);
    } finally {
      lambda.destroy();
    }
  }
  return `${functions.length} functions are active`;
}

export async function logsExpire(smoke: Smoke): Promise<string> {
  const groups = smoke.all("aws:cloudwatch/logGroup:LogGroup");
  for (const group of groups) {
    const logs = new CloudWatchLogsClient(smoke.aws(group.region));
    const name = text(group, "name");
    try {
      const { logGroups = [] } = await logs.send(new DescribeLogGroupsCommand({ logGroupNamePrefix: name }));
      const found = logGroups.find(({ logGroupName }) => logGroupName === name);
      if (!found) throw new Broken(`there is no log group ${name}`);
      if (!found.retentionInDays) throw new Broken(`${name} is kept for ever`);
    } finally {
      logs.destroy();
    }
  }
  return `${groups.length} log groups expire`;
}

const RECENT_MS = 10 * 60_000;

/** Redis answers inside the VPC only. A function that cannot reach it says so, and reads from the database. */
export async function cacheIsReached(smoke: Smoke): Promise<string> {
  await asPerson(smoke, "/mailboxes");
  const fn = smoke.one("aws:lambda/function:Function", /^ApiFunction/);
  const logs = new CloudWatchLogsClient(smoke.aws(fn.region));
  try {
    const { events = [] } = await logs.send(
      new FilterLogEventsCommand({
        logGroupName: `/aws/lambda/${text(fn, "name")}`,
        filterPattern: '"cache unavailable"',
        startTime: Date.now() - RECENT_MS,
        limit: 1,
      }),
    );
    if (events.length > 0) throw new Broken("the API logged that the cache is unavailable");
    return "the API did not miss the cache in the last ten minutes";
  } finally {
    logs.destroy();
  }
}

export async function alarmsAreQuiet(smoke: Smoke): Promise<string> {
  const alarms = smoke.all("aws:cloudwatch/metricAlarm:MetricAlarm");
  let waiting = 0;
  for (const alarm of alarms) {
    const cloudwatch = new CloudWatchClient(smoke.aws(alarm.region));
    const name = text(alarm, "name");
    try {
      const { MetricAlarms = [] } = await cloudwatch.send(new DescribeAlarmsCommand({ AlarmNames: [name] }));
      const [found] = MetricAlarms;
      if (!found) throw new Broken(`there is no alarm ${name}`);
      if (found.StateValue === "ALARM") throw new Broken(`${name} is in ALARM: ${found.StateReason}`);
      if (!found.ActionsEnabled || !found.AlarmActions?.length) throw new Broken(`${name} tells nobody`);
      if (found.StateValue === "INSUFFICIENT_DATA") waiting++;
    } finally {
      cloudwatch.destroy();
    }
  }
  return `${alarms.length} alarms, none of them on${waiting ? `; ${waiting} without data yet` : ""}`;
}

/** Session Manager sees the bastion: its agent runs, and reaches AWS. */
export async function bastionIsOnline(smoke: Smoke): Promise<string> {
  const bastion = smoke.one("aws:ec2/instance:Instance", /Bastion/);
  const ssm = new SSMClient(smoke.aws(bastion.region));
  try {
    const { InstanceInformationList = [] } = await ssm.send(
      new DescribeInstanceInformationCommand({
        Filters: [{ Key: "InstanceIds", Values: [text(bastion, "id")] }],
      }),
    );
    const [found] = InstanceInformationList;
    if (found?.PingStatus !== "Online")
      throw new Broken(`Session Manager sees the bastion as ${found?.PingStatus ?? "not there"}`);
    return "Session Manager reaches the bastion";
  } finally {
    ssm.destroy();
  }
}
