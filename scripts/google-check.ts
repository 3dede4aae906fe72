/**
 * `npm run google:check [-- --stage name]`: whether Google's side fits a stage's settings, as far as it can be seen from
 * outside. One line a check; exit code 1 when one failed (2: the command line or the settings are wrong).
 */
import { parseArgs } from "node:util";
import { ensurePlatform, type Graph, installationSeed, synthesise } from "@frontdesk/local";
import { checkGoogle, type Subject } from "./google/checks.ts";
import { reachGoogle } from "./google/reach.ts";
import { root, workFolder } from "./run/root.ts";

const usage = `npm run google:check -- [--stage name] [--redirect uri]... [--strict]

  --stage     whose settings (settings/<stage>.json); default: production
  --redirect  a further address that the OAuth client must allow, such as
              https://<api>/google/callback where the stage has no domain of its own
  --strict    what could not be checked counts as failed

From the environment, each of them optional:
  GOOGLE_CLIENT_SECRET  secret of the OAuth client
  GOOGLE_REFRESH_TOKEN  of a person who has connected a calendar
  GOOGLE_ACCESS_TOKEN   of somebody who may see the project: $(gcloud auth print-access-token)
`;

/** What the graph of the stage demands of Google: nothing is written twice. */
function subjectOf(graph: Graph, redirects: string[]): Subject {
  const settings = graph.links.Settings;
  const hosted = String(graph.links.Auth?.hostedUrl);
  const api = String(graph.outputs.api ?? "");
  const service = graph.resources.find(({ type }) => type === "gcp:projects/service:Service");
  return {
    workspaceDomain: String(settings?.workspaceDomain),
    mailDomain: String(settings?.mailDomain),
    mailRegion: String(settings?.mailRegion),
    clientId: text(graph.links.Google?.clientId),
    project: text(service?.inputs.project),
    redirectUris: [
      `${hosted}/oauth2/idpresponse`,
      // AWS's own name of an API is only known once it is deployed.
      ...(/\.amazonaws\.com\/?$/.test(api) ? [] : [`${api.replace(/\/$/, "")}/google/callback`]),
      ...redirects,
    ],
  };
}
const text = (value: unknown) => (typeof value === "string" ? value : undefined);

function options() {
  try {
    const { values } = parseArgs({
      options: {
        stage: { type: "string", default: "production" },
        redirect: { type: "string", multiple: true, default: [] },
        strict: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    });
    for (const uri of values.redirect)
      if (!URL.canParse(uri)) throw new Error(`--redirect "${uri}" is no address`);
    return values;
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${usage}`);
    process.exit(2);
  }
}

const { stage, redirect, strict, help } = options();
if (help) {
  process.stdout.write(usage);
  process.exit(0);
}
const { env } = process;
try {
  await ensurePlatform(root, stage, (line) => process.stderr.write(`${line}\n`));
  const graph = await synthesise({
    appDir: root,
    stage,
    secretSeed: installationSeed(workFolder),
    // The program asks for it; what it is does not matter to the graph.
    secrets: { GoogleClientSecret: "google-check" },
  });
  const subject = subjectOf(graph, redirect);
  if (subject.clientId === undefined && subject.project === undefined)
    throw new Error(
      `stage "${stage}" has Google off: put {"google": {"clientId": …, "project": …}} into settings/${stage}.json (docs/google.md)`,
    );
  const results = await checkGoogle(
    subject,
    {
      clientSecret: env.GOOGLE_CLIENT_SECRET || undefined,
      refreshToken: env.GOOGLE_REFRESH_TOKEN || undefined,
      accessToken: env.GOOGLE_ACCESS_TOKEN || undefined,
    },
    reachGoogle(env.GOOGLE_CHECK_ORIGIN || undefined),
  );
  for (const { check, outcome, detail } of results)
    process.stdout.write(`${outcome.padEnd(4)} ${check}: ${detail}\n`);
  process.stdout.write(
    '     not to be seen from outside: consent screen "internal", the routing rule and its headers (docs/google.md)\n',
  );
  const bad = results.filter(({ outcome }) => outcome === "FAIL" || (strict && outcome === "skip"));
  process.exitCode = bad.length > 0 ? 1 : 0;
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 2;
}
