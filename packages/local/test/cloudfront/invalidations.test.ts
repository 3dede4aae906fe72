import {
  CloudFrontClient,
  CreateInvalidationCommand,
  GetDistributionCommand,
  GetInvalidationCommand,
  ListInvalidationsCommand,
} from "@aws-sdk/client-cloudfront";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { Principal } from "../../src/cloud/types.ts";
import { allow, developer, planOf, type Services, startServices, worker } from "../support/services.ts";
import {
  behaviourSpec,
  cachePolicy,
  distributionSpec,
  get,
  localOrigin,
  startOrigin,
  type TestOrigin,
} from "./support.ts";

let services: Services;
let origin: TestOrigin;
let site: string;
const DistributionId = "E1EXAMPLE00001";
const other = "E2OTHER0000002";

beforeAll(async () => {
  origin = await startOrigin();
  const of = (id: string) =>
    distributionSpec({
      id,
      name: id,
      domainName: `${id.toLowerCase()}.cloudfront.net`,
      origins: [localOrigin(origin.port)],
      behaviours: [behaviourSpec({ cache: { ...cachePolicy, queries: { kind: "all", names: [] } } })],
    });
  services = await startServices(
    planOf({
      distributions: [of(DistributionId), of(other)],
      grants: [allow("cloudfront:CreateInvalidation", of(DistributionId).arn)],
    }),
  );
  site = services.cloudFront.url(DistributionId);
});
afterAll(async () => {
  await services.stop();
  await origin.stop();
});

const client = (as: Principal = developer) =>
  new CloudFrontClient({
    endpoint: services.origin,
    region: "us-east-1",
    credentials: services.credentials(as),
    maxAttempts: 1,
  });
let references = 0;
const newReference = () => {
  references += 1;
  return `reference ${references}`;
};
const invalidate = (Items: string[], CallerReference = newReference(), as?: Principal) =>
  client(as).send(
    new CreateInvalidationCommand({
      DistributionId,
      InvalidationBatch: { CallerReference, Paths: { Quantity: Items.length, Items } },
    }),
  );
const paths = ["/a/1", "/a/2", "/a/2?x=1", "/b c"];
const cached = async () => {
  const answers = await Promise.all(paths.map((path) => get(site + encodeURI(path))));
  return paths.filter((_, index) => answers[index]?.cache === "Hit");
};
beforeEach(async () => {
  await cached();
});

test.each([
  [["/a/1"], ["/a/2", "/a/2?x=1", "/b c"]],
  [["/a/2"], ["/a/1", "/a/2?x=1", "/b c"]],
  [["/a/2*"], ["/a/1", "/b c"]],
  [["/a/*", "/b%20c"], []],
  [["/*"], []],
  [["/A/1", "/a", "/1"], paths],
])("%j leaves in the cache what it does not name", async (items, left) => {
  await invalidate(items);
  expect(await cached()).toEqual(left);
});

test("is told of by the API, completed, the newest first and by pages", async () => {
  const { Invalidation, Location } = await invalidate(["/one"], "told & found");
  expect(Invalidation).toMatchObject({
    Id: expect.stringMatching(/^I[A-Z0-9]{25}$/),
    Status: "InProgress",
    InvalidationBatch: { CallerReference: "told & found", Paths: { Quantity: 1, Items: ["/one"] } },
  });
  expect(Location).toContain(Invalidation?.Id);
  const found = await client().send(new GetInvalidationCommand({ DistributionId, Id: Invalidation?.Id }));
  expect(found.Invalidation).toMatchObject({ Status: "Completed", CreateTime: Invalidation?.CreateTime });
  await invalidate(["/two"]);
  const first = await client().send(new ListInvalidationsCommand({ DistributionId, MaxItems: 1 }));
  expect(first.InvalidationList).toMatchObject({ IsTruncated: true, Quantity: 1, MaxItems: 1 });
  const next = await client().send(
    new ListInvalidationsCommand({ DistributionId, MaxItems: 1, Marker: first.InvalidationList?.NextMarker }),
  );
  expect(next.InvalidationList?.Items?.[0]?.Id).toBe(Invalidation?.Id);
});

test("is made once a caller reference", async () => {
  const [first, again] = [await invalidate(["/x"], "same"), await invalidate(["/x"], "same")];
  expect(again.Invalidation?.Id).toBe(first.Invalidation?.Id);
  await expect(invalidate(["/y"], "same")).rejects.toThrow("caller reference");
});

test("is refused for what is no path, for too many, for a distribution that is none, and for who may not", async () => {
  for (const path of ["no slash", "/a*b", "/**"])
    await expect(invalidate([path]), path).rejects.toMatchObject({ name: "InvalidArgument" });
  const many = Array.from({ length: 3001 }, (_, index) => `/${index}`);
  await expect(invalidate(many)).rejects.toMatchObject({ name: "BatchTooLarge" });
  const batch = { CallerReference: "x", Paths: { Quantity: 1, Items: ["/x"] } };
  await expect(
    client().send(new CreateInvalidationCommand({ DistributionId: "NONE", InvalidationBatch: batch })),
  ).rejects.toMatchObject({ name: "NoSuchDistribution" });
  await expect(
    client().send(new GetInvalidationCommand({ DistributionId, Id: "NONE" })),
  ).rejects.toMatchObject({ name: "NoSuchInvalidation" });
  await invalidate(["/allowed"], "allowed", worker);
  await expect(
    client(worker).send(new CreateInvalidationCommand({ DistributionId: other, InvalidationBatch: batch })),
  ).rejects.toMatchObject({ name: "AccessDenied" });
  await expect(client(worker).send(new ListInvalidationsCommand({ DistributionId }))).rejects.toMatchObject({
    name: "AccessDenied",
  });
  await expect(client().send(new GetDistributionCommand({ Id: DistributionId }))).rejects.toMatchObject({
    name: "NotImplemented",
  });
});
