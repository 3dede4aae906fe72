/** Checks of `npm run smoke` that the local cloud has nothing to ask for: each passes on what is right and fails on what is not. */
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { graphsByKind } from "../../scripts/resources/graphs.ts";
import { root } from "../../scripts/run/root.ts";
import { cdnRefusesUnsigned } from "../../scripts/smoke/checks/closed.ts";
import { certificatesAreValid, namesResolve, validCertificate } from "../../scripts/smoke/checks/names.ts";
import { createSmoke, type Smoke } from "../../scripts/smoke/context.ts";
import { type DeployedResource, fromGraph, parseState } from "../../scripts/smoke/deployed.ts";
import { renderUnverified } from "../../scripts/smoke/document.ts";
import { items } from "../../scripts/smoke/items.ts";
import { report, runSmoke } from "../../scripts/smoke/run.ts";
import { graphOf } from "./support/graphs.ts";

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});
async function answering(answer: (path: string) => [status: number, body: string]): Promise<string> {
  const server = createServer(({ url = "" }, response) => {
    const [status, body] = answer(url);
    response.writeHead(status).end(body);
  });
  servers.push(server);
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
const given = { app: "frontdesk", stage: "production", homeRegion: "ca-central-1" };
const smokeOf = (resources: DeployedResource[], aws = "http://127.0.0.1:9"): Smoke =>
  createSmoke({
    deployed: { ...given, resources, outputs: {}, links: {} },
    local: { aws, api: aws, websocket: aws, smtp: aws },
    origin: "https://desk.example.com",
  });
const made = (type: string, outputs: Record<string, unknown>): DeployedResource => ({
  type,
  name: "Made",
  region: "ca-central-1",
  outputs,
});

test("the list of docs/unverified.md is the list of the checks, and every type of resource is on it", async () => {
  const { markdown, wrong } = renderUnverified((await graphsByKind()).configured);
  expect(wrong).toEqual([]);
  expect(readFileSync(join(root, "docs/unverified.md"), "utf8")).toBe(markdown);
});

describe("the CDN", () => {
  const distribution = made("aws:cloudfront/distribution:Distribution", { domainName: "d1.cloudfront.net" });
  const missing =
    "<Code>MissingKey</Code><Message>Missing Key-Pair-Id query parameter or cookie value</Message>";
  const check = async (answer: (path: string) => [number, string]) =>
    cdnRefusesUnsigned(smokeOf([distribution], await answering(answer)));

  test("passes when only media/* is open", async () => {
    await expect(
      check((path) => (path.startsWith("/media/") ? [404, "<Code>NoSuchKey</Code>"] : [403, missing])),
    ).resolves.toContain("refused");
  });
  test("fails when private bytes come without a signature", async () => {
    await expect(check(() => [200, "bytes"])).rejects.toThrow("an unsigned address was answered with 200");
  });
  test("fails when it is the bucket that refuses, not the signature", async () => {
    await expect(check(() => [403, "<Code>AccessDenied</Code>"])).rejects.toThrow("refused by the origin");
  });
  test("fails when media/* asks for a signature", async () => {
    await expect(check(() => [403, missing])).rejects.toThrow("media/* asks for a signature");
  });
});

describe("names", () => {
  const record = (type: string, name: string, ...records: string[]) =>
    made("aws:route53/record:Record", { type, name, records });
  const zone: Record<string, unknown> = {
    "MX in.example.com": [{ priority: 10, exchange: "Inbound-SMTP.us-east-1.amazonaws.com" }],
    "TXT example.com": [["v=spf1 include:", "amazonses.com ~all"]],
    "A api.example.com": ["192.0.2.7"],
  };
  const resolver = async (name: string, type: string) => {
    const found = zone[`${type} ${name}`];
    if (!found) throw Object.assign(new Error(), { code: "ENOTFOUND" });
    return found;
  };
  test("pass as declared: MX, joined TXT, and an alias that has any address", async () => {
    const smoke = smokeOf([
      record("MX", "in.example.com", "10 inbound-smtp.us-east-1.amazonaws.com"),
      record("TXT", "example.com.", '"v=spf1 include:amazonses.com ~all"'),
      record("A", "api.example.com"),
    ]);
    await expect(namesResolve(smoke, resolver)).resolves.toBe("3 records resolve as declared");
  });
  test("fail when a record is another", async () => {
    const smoke = smokeOf([record("MX", "in.example.com", "10 mx.elsewhere.example")]);
    await expect(namesResolve(smoke, resolver)).rejects.toThrow("MX in.example.com is not 10 mx.elsewhere");
  });
  test("fail, and ask for the delegation, when there is none", async () => {
    const smoke = smokeOf([record("A", "ws.example.com")]);
    await expect(namesResolve(smoke, resolver)).rejects.toThrow(
      "A ws.example.com: ENOTFOUND; is the zone delegated?",
    );
  });
});

test("a name that answers without TLS has no valid certificate", async () => {
  const { port } = new URL(await answering(() => [200, ""]));
  await expect(validCertificate("127.0.0.1", Number(port))).rejects.toThrow(/^127\.0\.0\.1: /);
});

test("each custom domain is asked for its certificate", async () => {
  const domain = made("aws:apigatewayv2/domainName:DomainName", { domainName: "api.invalid" });
  await expect(certificatesAreValid(smokeOf([domain]))).rejects.toThrow(/^api\.invalid: /);
});

describe("the state that SST keeps", () => {
  const mail = "urn:pulumi:production::frontdesk::pulumi:providers:aws::MailRegion";
  const state = {
    version: 3,
    checkpoint: {
      latest: {
        resources: [
          {
            urn: "urn:pulumi:production::frontdesk::pulumi:pulumi:Stack::frontdesk-production",
            type: "pulumi:pulumi:Stack",
            outputs: { api: "https://a.example.com/", websocket: "wss://b.example.com" },
          },
          { urn: mail, type: "pulumi:providers:aws", id: "f00", outputs: { region: "us-east-1" } },
          {
            urn: "urn:pulumi:production::frontdesk::sst:aws:SnsTopic$aws:sns/topic:Topic::MailTopicTopic",
            type: "aws:sns/topic:Topic",
            id: "arn:aws:sns:us-east-1:123456789012:incoming-mail-east-1-topic",
            provider: `${mail}::f00`,
            outputs: { name: "incoming-mail-east-1-topic" },
          },
          {
            urn: "urn:pulumi:production::frontdesk::sst:sst:LinkRef::SettingsLinkRef",
            type: "sst:sst:LinkRef",
            outputs: { target: "Settings", properties: { mailDomain: "in.example.com" } },
          },
        ],
      },
    },
  };
  test("gives resources with their regions, outputs and links", () => {
    const deployed = parseState(JSON.stringify(state), given);
    expect(deployed.resources.find(({ name }) => name === "MailTopicTopic")).toMatchObject({
      region: "us-east-1",
      outputs: { id: expect.stringMatching(/^arn:aws:sns:us-east-1:/) },
    });
    expect(createSmoke({ deployed, origin: "https://desk.example.com" }).api).toBe("https://a.example.com");
    expect(deployed.links.Settings?.mailDomain).toBe("in.example.com");
  });
  test("is refused when it is something else", () => {
    expect(() => parseState('{"version":3}', given)).toThrow(
      'the state of stage "production" is not what SST 3 writes',
    );
  });
});

test("what passed vanishes from the report; what failed comes before what is left", async () => {
  const smoke = createSmoke({
    deployed: { ...fromGraph(await graphOf("production")) },
    origin: "https://desk.example.com",
  });
  const base = { resources: [], claim: "" };
  const results = await runSmoke(smoke, [
    { ...base, id: "seen", claim: "Seen.", check: async () => "it" },
    { ...base, id: "by-hand", claim: "By hand.", byHand: "look" },
    {
      ...base,
      id: "broken",
      claim: "Broken.",
      check: async () => {
        throw new Error("no");
      },
    },
  ]);
  const text = report(results);
  expect(text).toMatch(/^1 of 3 seen, 1 failed, 1 left\n/);
  expect(text).not.toContain("Seen.");
  expect(text.indexOf("Broken.")).toBeLessThan(text.indexOf("By hand."));
});

test("each item has one way to be seen, and a name of its own", () => {
  expect(new Set(items.map(({ id }) => id)).size).toBe(items.length);
  for (const { id, check, byHand } of items)
    expect([id, Boolean(check) !== Boolean(byHand)]).toEqual([id, true]);
});
