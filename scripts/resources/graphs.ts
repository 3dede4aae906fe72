/** The graphs that documents are written from. */
import type { Graph } from "@frontdesk/local";
import { graphOf } from "../run/graphs.ts";

/** A stage of each kind, and production with everything that settings turn on. */
export const kinds = {
  production: { stage: "production" },
  staging: { stage: "staging" },
  personal: { stage: "anna" },
  configured: {
    stage: "production",
    settings: {
      workspaceDomain: "example.com",
      domain: "desk.example.com",
      zone: "example.com",
      mailDomain: "in.example.com",
      sandboxAddresses: ["someone@example.com"],
      alarmEmail: "oncall@example.com",
      deploy: { repository: "example/frontdesk" },
      google: {
        clientId: "1234-abc.apps.googleusercontent.com",
        project: "example-frontdesk",
        organization: "123456789012",
      },
    },
  },
} as const;
export type Kind = keyof typeof kinds;

export async function graphsByKind(): Promise<Record<Kind, Graph>> {
  const [production, staging, personal, configured] = await Promise.all([
    plain("production"),
    plain("staging"),
    plain("personal"),
    graphOf(kinds.configured.stage, { settings: kinds.configured.settings }),
  ]);
  return { production, staging, personal, configured };
}
const plain = (kind: Exclude<Kind, "configured">) => graphOf(kinds[kind].stage);
