/** What strangers must not be able to do: no signature, nobody's rights. */
import { Broken, type Smoke, text } from "../context.ts";

const denied = (status: number) => status === 401 || status === 403;

export async function bucketsAreClosed(smoke: Smoke): Promise<string> {
  const buckets = smoke.all("aws:s3/bucketV2:BucketV2");
  for (const bucket of buckets) {
    const host = `https://${text(bucket, "bucket")}.s3.${bucket.region}.amazonaws.com`;
    for (const [what, address, method] of [
      ["listed", `${host}/?list-type=2`, "GET"],
      ["read", `${host}/inbound/any`, "GET"],
      ["written", `${host}/tmp/stranger`, "PUT"],
    ] as const) {
      const { status } = await smoke.stranger(address, { method });
      if (!denied(status)) throw new Broken(`${bucket.name} can be ${what} by a stranger (${status})`);
    }
  }
  return `${buckets.length} buckets refuse listing, reading and writing`;
}

export async function queuesAreClosed(smoke: Smoke): Promise<string> {
  const queues = smoke.all("aws:sqs/queue:Queue");
  for (const queue of queues) {
    const { status } = await smoke.stranger(`https://sqs.${queue.region}.amazonaws.com/`, {
      method: "POST",
      headers: {
        "content-type": "application/x-amz-json-1.0",
        "x-amz-target": "AmazonSQS.SendMessage",
      },
      body: JSON.stringify({ QueueUrl: text(queue, "url"), MessageBody: "from a stranger" }),
    });
    if (status < 400 || status > 403)
      throw new Broken(`${queue.name} answered a stranger's message with ${status}`);
  }
  return `${queues.length} queues refuse a stranger's message`;
}

export async function topicsAreClosed(smoke: Smoke): Promise<string> {
  const topics = smoke.all("aws:sns/topic:Topic");
  for (const topic of topics) {
    const { status, body } = await smoke.stranger(`https://sns.${topic.region}.amazonaws.com/`, {
      method: "POST",
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: new URLSearchParams({
        Action: "Publish",
        Version: "2010-03-31",
        TopicArn: text(topic, "arn"),
        Message: "from a stranger",
      }).toString(),
    });
    if (status < 400 || status > 403)
      throw new Broken(`${topic.name} answered a stranger's notice with ${status} ${body.slice(0, 200)}`);
  }
  return `${topics.length} topics refuse a stranger's notice`;
}

/** The distribution gives nothing without a signature but what is under `media/`. */
export async function cdnRefusesUnsigned(smoke: Smoke): Promise<string> {
  const distribution = smoke.one("aws:cloudfront/distribution:Distribution");
  const host = `https://${text(distribution, "domainName")}`;
  const unsigned = await smoke.stranger(`${host}/attachments/any`);
  if (unsigned.status !== 403) throw new Broken(`an unsigned address was answered with ${unsigned.status}`);
  if (!/Key-Pair-Id/.test(unsigned.body))
    throw new Broken("an unsigned address was refused by the origin, not for its missing signature");
  const open = await smoke.stranger(`${host}/media/any`);
  // What is not there is 403 or 404 by the bucket's answer; CloudFront's own refusal names the key pair.
  if (/Key-Pair-Id/.test(open.body)) throw new Broken("media/* asks for a signature");
  return "unsigned addresses are refused, media/* is open";
}
