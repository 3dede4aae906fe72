/** Addresses of the CDN, signed by core in this process, and asked for as a browser would. */
import * as awsClients from "@frontdesk/core/aws";
import * as cdn from "@frontdesk/core/cdn";
import { provide as provideClock } from "@frontdesk/core/clock";
import { type ConfigInput, provide as provideConfig } from "@frontdesk/core/config";
import * as secrets from "@frontdesk/core/secrets";
import { vi } from "vitest";
import type { System } from "./system.ts";

/** Lets core sign with the rights of the developer, by the run's clock. The returned function ends that. */
export function signHere({ developer, addresses, graph, app }: System): () => Promise<void> {
  vi.stubEnv("AWS_ENDPOINT_URL", addresses.aws);
  vi.stubEnv("AWS_ACCESS_KEY_ID", developer.credentials.accessKeyId);
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", developer.credentials.secretAccessKey);
  vi.stubEnv("AWS_SESSION_TOKEN", developer.credentials.sessionToken);
  const { Cdn, Settings } = graph.links as unknown as ConfigInput;
  const restoreConfig = provideConfig({ Cdn, Settings });
  const { clock } = app.cloud;
  const restoreClock = provideClock({ now: clock.now, sleep: (ms) => clock.sleep(ms) });
  return async () => {
    await awsClients.close();
    secrets.forget(Cdn.secretArn);
    restoreClock();
    restoreConfig();
    vi.unstubAllEnvs();
  };
}

/** As a browser would, if the CDN's name led to this machine. */
export async function fetched(system: System, address: string, headers: Record<string, string> = {}) {
  const { pathname, search } = new URL(address);
  const answer = await fetch(system.addresses.cdn + pathname + search, { headers });
  const text = await answer.text();
  return { status: answer.status, headers: answer.headers, text, code: /<Code>(\w+)/.exec(text)?.[1] };
}

/** What a browser sends that was given the cookies of a prefix. */
export const cookieFor = async (prefix: string, seconds: number) =>
  Object.entries(await cdn.signedCookies(prefix, seconds))
    .map((pair) => pair.join("="))
    .join("; ");

/** Puts an object that says what it is. */
export const putObject = (system: System, key: string) =>
  system.app.ports.s3.put(
    { kind: "developer" },
    String(system.graph.links.HomeBucket?.name),
    key,
    Buffer.from(`bytes of ${key}`),
    { contentType: "image/webp" },
  );
