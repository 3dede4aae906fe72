/** What can be seen of Google's side from outside. Each check says in one line what it found and how to mend it. */
import { member, type Reach } from "./reach.ts";

export interface Subject {
  workspaceDomain: string;
  mailDomain: string;
  mailRegion: string;
  clientId?: string | undefined;
  project?: string | undefined;
  /** What the OAuth client must allow, to the letter. */
  redirectUris: string[];
}

/** From the environment: none is demanded, and what needs one is left out without it. */
export interface Credentials {
  clientSecret?: string | undefined;
  /** Of a person who has allowed the calendar. */
  refreshToken?: string | undefined;
  /** Of somebody who may see the project: `gcloud auth print-access-token`. */
  accessToken?: string | undefined;
}

export interface Result {
  check: string;
  outcome: "ok" | "FAIL" | "skip";
  detail: string;
}

class Failure extends Error {}
class Skip extends Error {}

export const apis = ["calendar-json.googleapis.com", "meet.googleapis.com"];
export const calendarScope = "https://www.googleapis.com/auth/calendar.events";
const tokenUrl = "https://oauth2.googleapis.com/token";

/** Runs every check, whatever the others found. */
export async function checkGoogle(
  subject: Subject,
  credentials: Credentials,
  reach: Reach,
): Promise<Result[]> {
  const results: Result[] = [];
  const check = async (name: string, look: () => Promise<string>) => {
    const result = await look().then(
      (detail): Result => ({ check: name, outcome: "ok", detail }),
      (error: Error): Result => ({
        check: name,
        outcome: error instanceof Skip ? "skip" : "FAIL",
        detail: error.message,
      }),
    );
    results.push(result);
  };

  await check("discovery", () => discovery(reach));
  await check(`MX of ${subject.mailDomain}`, () => receivingMx(subject, reach));
  await check(`SPF of ${subject.mailDomain}`, () =>
    textRecord(reach, subject.mailDomain, /^v=spf1 .*\binclude:amazonses\.com\b/),
  );
  await check(`DMARC of ${subject.mailDomain}`, () =>
    textRecord(reach, `_dmarc.${subject.mailDomain}`, /^v=DMARC1\b/),
  );
  await check(`MX of ${subject.workspaceDomain}`, () => workspaceMx(subject, reach));
  for (const uri of subject.redirectUris)
    await check(`redirect to ${uri}`, () => redirect(subject, uri, reach));
  await check("client secret", () => clientSecret(subject, credentials, reach));
  await check("refresh token", () => refreshed(subject, credentials, reach).then(({ detail }) => detail));
  await check("calendar of that person", () => calendar(subject, credentials, reach));
  for (const api of apis) await check(`API ${api}`, () => enabled(api, subject, credentials, reach));
  return results;
}

async function discovery(reach: Reach): Promise<string> {
  const { status, body } = await reach("https://accounts.google.com/.well-known/openid-configuration");
  const issuer = member(body, "issuer");
  if (status !== 200 || issuer !== "https://accounts.google.com")
    throw new Failure(`Google's discovery document answers ${status} with issuer ${String(issuer)}`);
  return `issuer ${issuer}`;
}

/** Over Google's public resolver, which sees what the world sees (https://developers.google.com/speed/public-dns/docs/doh/json). */
async function resolve(reach: Reach, name: string, type: "MX" | "TXT"): Promise<string[]> {
  const number = type === "MX" ? 15 : 16;
  const { status, body } = await reach(
    `https://dns.google/resolve?name=${encodeURIComponent(name)}&type=${type}`,
  );
  const code = member(body, "Status");
  if (status !== 200 || (code !== 0 && code !== 3))
    throw new Failure(`dns.google answers ${status}, DNS status ${String(code)}`);
  const answers = member(body, "Answer");
  return (Array.isArray(answers) ? answers : [])
    .filter((answer) => member(answer, "type") === number)
    .map((answer) => String(member(answer, "data")));
}

/** `10 host.` without the preference and the dot. */
const hostsOf = (records: string[]) =>
  records.map((text) => (text.split(/\s+/).at(-1) ?? "").replace(/\.$/, "").toLowerCase());

async function receivingMx({ mailDomain, mailRegion }: Subject, reach: Reach): Promise<string> {
  const expected = `inbound-smtp.${mailRegion}.amazonaws.com`;
  const hosts = hostsOf(await resolve(reach, mailDomain, "MX"));
  if (hosts.length === 0) throw new Failure(`there is none: add "MX 10 ${expected}"`);
  if (hosts.some((host) => host !== expected))
    throw new Failure(`leads to ${hosts.join(", ")}: it must be ${expected} alone`);
  return expected;
}

async function workspaceMx({ workspaceDomain }: Subject, reach: Reach): Promise<string> {
  const hosts = hostsOf(await resolve(reach, workspaceDomain, "MX"));
  if (!hosts.some((host) => /(^|\.)google\.com$|(^|\.)googlemail\.com$/.test(host)))
    throw new Failure(
      `leads to ${hosts.join(", ") || "nothing"}, not to Google: the routing rule would see no mail`,
    );
  return hosts.join(", ");
}

async function textRecord(reach: Reach, name: string, pattern: RegExp): Promise<string> {
  const records = (await resolve(reach, name, "TXT")).map((text) =>
    text.replace(/^"|"$/g, "").replaceAll('" "', ""),
  );
  const found = records.filter((text) => pattern.test(text));
  if (found.length === 0) throw new Failure(`no TXT record of ${name} says ${pattern.source}`);
  if (found.length > 1) throw new Failure(`${name} has ${found.length} of them, and then none counts`);
  return String(found[0]);
}

/**
 * Begins a sign-in, as a browser would. Google tells a client or an address that it does not know by sending the browser
 * to its error page, whose parameter holds the error's name; otherwise it goes on to the account chooser.
 */
async function redirect({ clientId }: Subject, uri: string, reach: Reach): Promise<string> {
  if (clientId === undefined) throw new Skip("the settings name no google.clientId");
  const query = new URLSearchParams({
    client_id: clientId,
    redirect_uri: uri,
    response_type: "code",
    scope: "openid email profile",
    state: "google-check",
  });
  const { status, location } = await reach(`https://accounts.google.com/o/oauth2/v2/auth?${query}`);
  const target = location === undefined ? undefined : new URL(location, "https://accounts.google.com");
  const told = target?.searchParams.get("authError") ?? undefined;
  if (told !== undefined || target?.pathname.startsWith("/signin/oauth/error")) {
    const code = /[a-z]+(?:_[a-z]+)+/.exec(Buffer.from(told ?? "", "base64").toString("latin1"))?.[0];
    throw new Failure(
      code === "redirect_uri_mismatch"
        ? `the client does not allow it: add it under "Authorized redirect URIs"`
        : code === "invalid_client"
          ? `Google knows no client ${clientId}`
          : `Google refuses the request: ${code ?? "it does not say why"}`,
    );
  }
  if (status < 300 || status > 399 || target === undefined)
    throw new Failure(`Google answers ${status} instead of going on to the sign-in`);
  return "allowed";
}

/** Exchanges a code that cannot be one: a wrong secret is told before a wrong code. */
async function clientSecret(subject: Subject, { clientSecret: secret }: Credentials, reach: Reach) {
  const { clientId, redirectUris } = subject;
  if (clientId === undefined) throw new Skip("the settings name no google.clientId");
  if (secret === undefined) throw new Skip("needs GOOGLE_CLIENT_SECRET");
  const { body } = await post(reach, {
    grant_type: "authorization_code",
    code: "google-check",
    client_id: clientId,
    client_secret: secret,
    redirect_uri: redirectUris[0] ?? "",
  });
  const error = member(body, "error");
  if (error === "invalid_grant") return "belongs to the client";
  throw new Failure(
    error === "invalid_client"
      ? "is not the client's: set the right one by `sst secret set GoogleClientSecret`"
      : `Google answers ${String(error)}`,
  );
}

const post = (reach: Reach, form: Record<string, string>) =>
  reach(tokenUrl, {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: new URLSearchParams(form),
  });

async function refreshed({ clientId }: Subject, credentials: Credentials, reach: Reach) {
  const { clientSecret: secret, refreshToken } = credentials;
  if (clientId === undefined) throw new Skip("the settings name no google.clientId");
  if (secret === undefined || refreshToken === undefined)
    throw new Skip("needs GOOGLE_CLIENT_SECRET and GOOGLE_REFRESH_TOKEN");
  const { body } = await post(reach, {
    grant_type: "refresh_token",
    refresh_token: refreshToken,
    client_id: clientId,
    client_secret: secret,
  });
  const token = member(body, "access_token");
  if (typeof token !== "string") {
    const error = String(member(body, "error"));
    throw new Failure(
      error === "invalid_grant"
        ? "is expired or was taken back: the person must connect again (in an external app in testing they last seven days)"
        : `Google answers ${error}`,
    );
  }
  const scopes = String(member(body, "scope") ?? "").split(" ");
  if (
    !scopes.some((scope) => scope === calendarScope || scope === "https://www.googleapis.com/auth/calendar")
  )
    throw new Failure(`does not reach the calendar: it has ${scopes.join(", ")}`);
  return { token, detail: "gives an access token that reaches the calendar" };
}

async function calendar(subject: Subject, credentials: Credentials, reach: Reach): Promise<string> {
  if (credentials.refreshToken === undefined || credentials.clientSecret === undefined)
    throw new Skip("needs GOOGLE_CLIENT_SECRET and GOOGLE_REFRESH_TOKEN");
  const { token } = await refreshed(subject, credentials, reach);
  const { status, body } = await reach(
    "https://www.googleapis.com/calendar/v3/calendars/primary/events?maxResults=1",
    { headers: { authorization: `Bearer ${token}` } },
  );
  if (status === 200) return "can be read";
  const reason = member(body, "error", "errors", 0, "reason") ?? member(body, "error", "status");
  throw new Failure(
    reason === "accessNotConfigured"
      ? "the project has the Calendar API off: gcloud services enable calendar-json.googleapis.com"
      : `Google answers ${status} ${String(reason)}`,
  );
}

/** https://cloud.google.com/service-usage/docs/reference/rest/v1/services/get */
async function enabled(
  api: string,
  { project }: Subject,
  { accessToken }: Credentials,
  reach: Reach,
): Promise<string> {
  if (project === undefined) throw new Skip("the settings name no google.project");
  if (accessToken === undefined)
    throw new Skip("needs GOOGLE_ACCESS_TOKEN=$(gcloud auth print-access-token)");
  const { status, body } = await reach(
    `https://serviceusage.googleapis.com/v1/projects/${project}/services/${api}`,
    { headers: { authorization: `Bearer ${accessToken}` } },
  );
  const state = member(body, "state");
  if (status === 200 && state === "ENABLED") return `enabled in ${project}`;
  if (status === 200)
    throw new Failure(
      `is off: gcloud services enable ${api} --project ${project}, or deploy with the setting`,
    );
  if (status === 401) throw new Failure("GOOGLE_ACCESS_TOKEN is expired or wrong");
  throw new Failure(
    `Google answers ${status} ${String(member(body, "error", "status"))}: is there a project ${project}, and may you see it?`,
  );
}
