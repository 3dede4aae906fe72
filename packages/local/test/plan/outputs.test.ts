import { expect, it } from "vitest";
import { describeOutputs } from "../../src/outputs.ts";
import { emptyPlan, gatewaySpec } from "../gateway/support.ts";

it("outputs show where AWS's addresses lead here, and no secret", () => {
  const api = gatewaySpec({ name: "Api", customDomains: ["api.example.com"] });
  const described = describeOutputs(
    {
      outputs: {
        api: `https://${api.host}`,
        own: "https://api.example.com/v1",
        elsewhere: "https://aws.amazon.com",
        port: 5432,
        token: "a-hidden-b",
      },
      links: { Key: { type: "sst:sst:Secret", value: "hidden" } },
    },
    { ...emptyPlan(), gateways: [api] },
    { gateways: { Api: "http://127.0.0.1:1234" }, functionUrls: {} },
  );
  expect(Object.fromEntries(described)).toEqual({
    api: `https://${api.host} -> http://127.0.0.1:1234`,
    own: "https://api.example.com/v1 -> http://127.0.0.1:1234",
    elsewhere: "https://aws.amazon.com",
    port: "5432",
    token: "a-[secret]-b",
  });
});
