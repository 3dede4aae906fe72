import { expect, it } from "vitest";
import { describeOutputs } from "../../src/outputs.ts";
import { distributionSpec } from "../cloudfront/support.ts";
import { emptyPlan, gatewaySpec } from "../gateway/support.ts";

it("outputs show where AWS's addresses lead here, and no secret", () => {
  const api = gatewaySpec({ name: "Api", customDomains: ["api.example.com"] });
  const socket = gatewaySpec({ name: "Socket", host: "s.execute-api.ca-central-1.amazonaws.com" });
  const site = distributionSpec({
    name: "Site",
    domainName: "d111.cloudfront.net",
    aliases: ["www.example.com"],
  });
  const described = describeOutputs(
    {
      outputs: {
        api: `https://${api.host}`,
        socket: `wss://${socket.host}/$default`,
        management: `https://${socket.host}/$default`,
        own: "https://api.example.com/v1",
        site: "https://d111.cloudfront.net/media/a",
        named: "https://www.example.com/?page=2",
        elsewhere: "https://aws.amazon.com",
        port: 5432,
        token: "a-hidden-b",
      },
      links: { Key: { type: "sst:sst:Secret", value: "hidden" } },
    },
    { ...emptyPlan(), gateways: [api, socket], distributions: [site] },
    {
      gateways: { Api: "http://127.0.0.1:1234", Socket: "ws://127.0.0.1:4321" },
      functionUrls: {},
      distributions: { Site: "http://127.0.0.1:5678" },
    },
  );
  expect(Object.fromEntries(described)).toEqual({
    api: `https://${api.host} -> http://127.0.0.1:1234`,
    socket: `wss://${socket.host}/$default -> ws://127.0.0.1:4321`,
    management: `https://${socket.host}/$default`,
    own: "https://api.example.com/v1 -> http://127.0.0.1:1234",
    site: "https://d111.cloudfront.net/media/a -> http://127.0.0.1:5678/media/a",
    named: "https://www.example.com/?page=2 -> http://127.0.0.1:5678/?page=2",
    elsewhere: "https://aws.amazon.com",
    port: "5432",
    token: "a-[secret]-b",
  });
});
