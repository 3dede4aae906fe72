/** What the operations have in common: finding the queue, pages, batches, callers that hang up. */
import { AwsError } from "../../cloud/errors.ts";
import type { AwsCall, Cloud } from "../../cloud/types.ts";
import { invalidParameter } from "./errors.ts";
import { neededText, text, wholeNumber } from "./input.ts";
import { sizeOf } from "./message.ts";
import type { Queue } from "./queue.ts";
import type { Queues } from "./queues.ts";

type Input = Record<string, unknown>;

/** Size of an entry that may be anything. */
export function entrySize(entry: Input): number {
  const { MessageBody: body, MessageAttributes: attributes } = entry;
  let size = typeof body === "string" ? sizeOf(body, {}) : 0;
  if (typeof attributes === "object" && attributes !== null)
    for (const [name, value] of Object.entries(attributes)) {
      const { DataType, StringValue, BinaryValue } = (value ?? {}) as Input;
      size += Buffer.byteLength(name);
      for (const part of [DataType, StringValue])
        if (typeof part === "string") size += Buffer.byteLength(part);
      if (typeof BinaryValue === "string") size += Buffer.byteLength(BinaryValue, "base64");
    }
  return size;
}

/** A long poll ends when its caller hangs up, or messages would go to nobody. */
export async function whileConnected<T>(
  call: AwsCall,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const gone = new AbortController();
  const { response } = call.http;
  const abort = () => gone.abort();
  response.once("close", abort);
  try {
    return await work(gone.signal);
  } finally {
    response.off("close", abort);
  }
}

export function page(input: Input, member: string, values: string[]): Input {
  const max = wholeNumber(input, "MaxResults", { from: 1, to: 1000 });
  const token = text(input, "NextToken");
  const from = token === undefined ? 0 : Number(Buffer.from(token, "base64").toString());
  if (!Number.isInteger(from) || from < 0)
    throw invalidParameter(token, "NextToken", "It is not one of ours.");
  const to = from + (max ?? 1000);
  return {
    [member]: values.slice(from, to),
    ...(max !== undefined && to < values.length && { NextToken: Buffer.from(String(to)).toString("base64") }),
  };
}

/**
 * A queue by its URL: the account and name at its end, in the region that the call was signed for. The host is whatever
 * leads here.
 */
export function locate(
  cloud: Cloud,
  queues: Queues,
  call: AwsCall,
): { arn: string; queue?: Queue; hint: string } {
  const url = neededText(call.input, "QueueUrl");
  const [, account = cloud.plan.accountId, name = url] = /(?:^|\/)(\d{12})\/([^/?#]+)\/?$/.exec(url) ?? [];
  if (name.includes("/"))
    throw new AwsError(
      "InvalidAddress",
      `The address ${url.slice(0, 200)} is not valid for this endpoint.`,
      404,
    );
  const region = /^https?:\/\/(?:sqs\.)?([a-z]{2}(?:-[a-z]+)+-\d)\.(?:queue\.)?amazonaws\.com\//.exec(
    url,
  )?.[1];
  const arn = `arn:aws:sqs:${call.region}:${account}:${name}`;
  const queue = region === undefined || region === call.region ? queues.find(arn) : undefined;
  return { arn, ...(queue && { queue }), hint: queue ? "" : elsewhere(cloud, call.region, name) };
}
export function elsewhere(cloud: Cloud, region: string, name: string): string {
  const other = cloud.plan.queues.find((queue) => queue.name === name && queue.region !== region);
  return other ? ` It is in ${other.region}; the call was signed for ${region}.` : "";
}
