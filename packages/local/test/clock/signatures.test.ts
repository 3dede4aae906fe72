import { GetObjectCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { ListQueuesCommand } from "@aws-sdk/client-sqs";
import { Signer } from "@aws-sdk/rds-signer";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { expect, it } from "vitest";
import { createClock } from "../../src/cloud/clock.ts";
import { createCredentialStore } from "../../src/front-door/credentials.ts";
import { InvalidToken, verifyToken } from "../../src/postgres/iam-token.ts";
import { bucketSpec, planOf, startServices } from "../support/services.ts";

const HOUR_MS = 3_600_000;
/** Dates of signatures are whole seconds: within one, before and after a move cannot be told apart. */
const nextSecond = () => new Promise((resolve) => setTimeout(resolve, 1000));

it("who signs by the machine's clock is understood however far the run's was moved", async () => {
  const services = await startServices(planOf());
  for (const ms of [10 * 60_000, HOUR_MS, 30 * 24 * HOUR_MS]) {
    services.cloud.clock.advance(ms);
    await expect(services.sqsClient().send(new ListQueuesCommand({}))).resolves.toBeDefined();
  }
  // One that took the run's time from an answer, and then the run's clock is moved again.
  const sqs = services.sqsClient();
  for (const ms of [HOUR_MS, HOUR_MS, 24 * HOUR_MS]) {
    await expect(sqs.send(new ListQueuesCommand({}))).resolves.toBeDefined();
    services.cloud.clock.advance(ms);
  }
  await expect(sqs.send(new ListQueuesCommand({}))).resolves.toBeDefined();
  await services.stop();
});

it("an address holds for its time by the run's clock, whoever's clock it was signed by", async () => {
  const services = await startServices(planOf({ buckets: [bucketSpec("files")] }));
  const s3 = services.s3Client();
  await s3.send(new PutObjectCommand({ Bucket: "files", Key: "a", Body: "x" }));
  const sign = (signingDate: number) =>
    getSignedUrl(s3, new GetObjectCommand({ Bucket: "files", Key: "a" }), {
      expiresIn: 600,
      signingDate: new Date(signingDate),
    });
  const status = async (url: string) => (await fetch(url)).status;
  const { clock } = services.cloud;
  clock.advance(HOUR_MS);
  await nextSecond();
  const byMachine = await sign(Date.now());
  const byRun = await sign(clock.now());
  expect([await status(byMachine), await status(byRun)]).toEqual([200, 200]);
  clock.advance(9 * 60_000);
  expect([await status(byMachine), await status(byRun)]).toEqual([200, 200]);
  clock.advance(60_000);
  expect([await status(byMachine), await status(byRun)]).toEqual([403, 403]);
  await services.stop();
});

it("a database token holds for its quarter of an hour by the run's clock", async () => {
  const clock = createClock();
  const store = createCredentialStore();
  const credentials = store.issue({ kind: "developer" });
  const token = () =>
    new Signer({
      hostname: "db.example",
      port: 5432,
      region: "eu-west-1",
      username: "app",
      credentials,
    }).getAuthToken();
  const verify = (given: string) =>
    verifyToken(given, { endpoints: ["db.example:5432"], user: "app", region: "eu-west-1" }, store, clock);
  clock.advance(30 * 24 * HOUR_MS);
  const fresh = await token();
  await nextSecond();
  expect(verify(fresh)).toEqual({ kind: "developer" });
  clock.advance(14 * 60_000);
  expect(verify(fresh)).toEqual({ kind: "developer" });
  clock.advance(2 * 60_000);
  expect(() => verify(fresh)).toThrow(InvalidToken);
  expect(verify(await token())).toEqual({ kind: "developer" });
  clock.stop();
});

it("answers tell the run's time once it is another than the machine's", async () => {
  const services = await startServices(planOf());
  const dateOf = async () => Date.parse((await fetch(services.origin)).headers.get("date") ?? "");
  expect(Math.abs((await dateOf()) - Date.now())).toBeLessThan(5000);
  services.cloud.clock.advance(HOUR_MS);
  expect(Math.abs((await dateOf()) - services.cloud.clock.now())).toBeLessThan(5000);
  await services.stop();
});
