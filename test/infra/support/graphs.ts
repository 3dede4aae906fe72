/** The graphs that the infrastructure's tests look at. */
import { graphOf as cached } from "../../../scripts/run/graphs.ts";

/** A developer's machine, a developer's own stage in the company's account, and the two that outlive branches. */
export const stages = ["local", "anna", "staging", "production"] as const;
export type Stage = (typeof stages)[number];
export const permanentStages: Stage[] = ["staging", "production"];
export const personalStages: Stage[] = ["local", "anna"];

export const graphOf = (stage: Stage) => cached(stage);

/** Production with everything that the settings can turn on, in a zone that it makes. */
export const named = () =>
  cached("production", {
    settings: {
      workspaceDomain: "acme.test",
      domain: "desk.acme.test",
      mailDomain: "in.desk.acme.test",
      sandboxAddresses: ["Someone@example.com"],
      dmarc: { policy: "reject", reports: "dmarc@acme.test" },
      google: {
        clientId: "1234-abc.apps.googleusercontent.com",
        project: "acme-frontdesk",
        organization: "123456789012",
      },
    },
  });
/** A personal stage in the company's zone and Google project, whose CDN key was rotated once. */
export const guest = () =>
  cached("anna", {
    settings: {
      workspaceDomain: "acme.test",
      domain: "anna.desk.acme.test",
      zone: "acme.test",
      zoneId: "Z0123456789ABCDEFGHIJ",
      google: { project: "acme-frontdesk" },
      cdnKey: 2,
      priceClass: "PriceClass_All",
    },
  });
/** Production that receives where it is at home. */
export const receivingAtHome = () => cached("production", { settings: { mailRegion: "ca-central-1" } });
