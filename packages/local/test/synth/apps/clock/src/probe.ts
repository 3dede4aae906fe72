/** Does what functions do: calls AWS, another function and the database. Says what time it is in all of them. */
import { InvokeCommand, LambdaClient } from "@aws-sdk/client-lambda";
import { GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import pg from "pg";

const {
  QUEUE_URL: QueueUrl,
  BUCKET: Bucket,
  OTHER: FunctionName,
  DATABASE_URL: connectionString,
} = process.env;
const sqs = new SQSClient({ maxAttempts: 1 });
const s3 = new S3Client({ maxAttempts: 1 });
const lambda = new LambdaClient({ maxAttempts: 1 });

export const handler = async () => {
  const { MessageId: messageId } = await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: "x" }));
  await s3.send(new PutObjectCommand({ Bucket, Key: "file", Body: "content" }));
  const url = await getSignedUrl(s3, new GetObjectCommand({ Bucket, Key: "file" }), { expiresIn: 3600 });
  const { Payload: payload } = await lambda.send(new InvokeCommand({ FunctionName }));
  const client = new pg.Client({ connectionString, ssl: { rejectUnauthorized: false } });
  await client.connect();
  const { rows } = await client.query("select 1 + 1 as two");
  await client.end();
  const other = JSON.parse(Buffer.from(payload ?? []).toString());
  return { now: Date.now(), messageId, url, other: other.now, two: rows[0].two };
};
