import type { AuthorisationRequest } from "@frontdesk/local";
import sharp from "sharp";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { sendForm, throughCdn, type Upload } from "../../scripts/demo/pictures.ts";
import { newKey, noticeMail } from "../support/ses.ts";
import {
  describeStatement,
  firstDenial,
  type PlacedStatement,
  planWithout,
  statementsOf,
} from "../support/statements.ts";
import { letter } from "./support/letters.ts";
import { killFunction } from "./support/processes.ts";
import { type SignedIn, type System, startSystem } from "./support/system.ts";

let system: System;
let admin: SignedIn;
/** What was asked for, and allowed, while the system was started and did all that it does. */
let asked: AuthorisationRequest[];

beforeAll(async () => {
  // From nothing, so that the migrator's rights are used, too.
  system = await startSystem({});
  admin = await system.signIn("admin");
  await wholePath();
  expect(system.app.iam.denials()).toEqual([]);
  asked = system.app.iam.requests();
}, 240_000);
afterAll(() => system?.stop());

/** Everything that the graph's functions are for, once. */
async function wholePath(): Promise<void> {
  const { jobs, payroll } = system.mailbox;
  const { app } = system;
  const recruiter = await system.signIn("recruiter");
  const sockets = [
    await admin.listen(`mailbox:${jobs.id}`),
    await recruiter.listen(`mailbox:${payroll.id}`),
  ] as const;

  const one = await letter([jobs.address, payroll.address], {
    attachments: [{ filename: "a", content: "b" }],
  });
  await system.deliver(one);
  await Promise.all(sockets.map((socket) => socket.until(() => socket.events.length > 0, 20_000)));
  const { id, threadId } = await system.stored(one.headerId);
  for (const path of ["/health", "/openapi.json", "/me", "/mailboxes", "/threads", `/threads/${threadId}`])
    expect((await admin.fetch(path)).status, path).toBe(200);
  const { attachments } = await admin.api.get<{ attachments: { id: string }[] }>(`/messages/${id}`);
  for (const path of [`/messages/${id}/raw`, `/messages/${id}/attachments/${attachments[0]?.id}`]) {
    const redirect = await admin.fetch(path);
    expect((await fetch(redirect.headers.get("location") ?? "")).status, path).toBe(200);
  }
  // What does not exist yet: the consumer may learn that it is missing.
  await noticeMail(app, { key: newKey(app), recipients: [jobs.address] });
  await system.until(
    "the failure",
    async () => (await system.sql("select 1 from frontdesk.failures")).length > 0,
  );
  // A client that is gone without a word is asked for before it is forgotten.
  for (const socket of sockets) socket.close();
  await system.until("the sockets to be gone", async () => {
    const rows = await system.sql("select 1 from frontdesk.connections");
    return rows.length === 0;
  });

  await jobsPath();
  await picturesPath();
  await unbuiltPath();
  await sweepPath();
}

/** A job that dies and is sent back, with a payload and a result too large for a row; a schedule; the queues. */
async function jobsPath(): Promise<void> {
  const ended = (id: string, state: string) =>
    system.until(
      `the job to be ${state}`,
      async () => (await admin.api.get<Job>(`/jobs/${id}`)).state === state,
    );
  const { id } = await admin.api.post<Job>("/jobs", { type: "probe", payload: { failures: 10 } });
  const socket = await admin.listen(`job:${id}`);
  await ended(id, "dead");
  socket.close();
  const { items } = await admin.api.get<{ items: { messageId: string; jobId: string }[] }>(
    "/queues/jobs/dead-letters",
  );
  const letter = items.find(({ jobId }) => jobId === id);
  await admin.api.post("/queues/jobs/redrive", {
    messages: [{ messageId: letter?.messageId, body: JSON.stringify({ failures: 0 }) }],
  });
  await ended(id, "done");
  await admin.api.get("/queues");
  // Scheduler takes its role to send what is due.
  const made = await admin.fetch("/schedules/soon", {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ type: "probe", payload: {}, at: new Date(Date.now() + 2_000).toISOString() }),
  });
  expect(made.status).toBe(200);
  await system.until("Scheduler to send", () =>
    system.app.iam
      .requests()
      .some(
        ({ action, principal }) =>
          action === "sqs:SendMessage" &&
          principal.kind === "role" &&
          principal.roleArn.includes("SchedulerRole"),
      ),
  );
  const large = await admin.api.post<Job>("/jobs", { type: "probe", payload: { note: "x".repeat(200_000) } });
  await ended(large.id, "done");
}
interface Job {
  id: string;
  state: string;
}

const picture = () =>
  sharp({ create: { width: 640, height: 480, channels: 3, background: "#336699" } })
    .jpeg()
    .toBuffer();

/** A picture of each kind: uploaded, made into sizes, followed on a socket, shown through the CDN, deleted; one in mail. */
async function picturesPath(): Promise<void> {
  for (const visibility of ["public", "private"]) await onePicture(visibility, await picture());
  await system.until("the CDN to be told", () =>
    system.app.iam.requests().some(({ action }) => action === "cloudfront:CreateInvalidation"),
  );
  const { jobs } = system.mailbox;
  const one = await letter([jobs.address], {
    attachments: [{ filename: "a.jpg", content: await picture(), contentType: "image/jpeg" }],
  });
  await system.send(one);
  await system.until("the picture of the mail to be read", () =>
    system.app.iam
      .requests()
      .some(
        ({ action, resource, principal }) =>
          action === "s3:GetObject" &&
          resource.includes("/attachments/") &&
          principal.kind === "role" &&
          principal.roleArn.includes("ImageConsumer"),
      ),
  );
  // No notice at all: given up at once.
  await system.app.ports.sqs.send({ kind: "developer" }, system.queue("EmailQueue"), { body: "no notice" });
  await system.until(
    "the dead letter of the email queue",
    () => system.app.ports.sqs.counts(system.queue("EmailDeadLetterQueue")).visible > 0,
  );
}

async function onePicture(visibility: string, bytes: Buffer): Promise<void> {
  const upload = await admin.api.post<Upload>("/uploads", {
    visibility,
    contentType: "image/jpeg",
    size: bytes.length,
  });
  const { id } = upload;
  const socket = await admin.listen(`media:${id}`);
  expect((await sendForm(upload, bytes)).status).toBe(201);
  await system.until(
    "the sizes",
    async () => (await admin.api.get<{ state: string }>(`/media/${id}`)).state === "ready",
  );
  const shown = await admin.api.get<{ picture: { sources: { sizes: { url: string }[] }[] } }>(`/media/${id}`);
  const shownAt = shown.picture.sources[0]?.sizes[0]?.url ?? "";
  expect((await throughCdn(system.addresses.cdn, shownAt)).status).toBe(200);
  const told = socket.events.length;
  expect((await admin.fetch(`/media/${id}`, { method: "DELETE" })).status).toBe(204);
  await socket.until(() => socket.events.length > told, 20_000);
  socket.close();
}

/** The consumer that refuses everything still takes from its queue, writes why, and has the message shown again. */
async function unbuiltPath(): Promise<void> {
  const { sqs, s3 } = system.app.ports;
  for (const name of ["Jobs", "MailEvents"])
    await sqs.send({ kind: "developer" }, system.queue(`${name}Queue`), { body: "{}" });
  const bucket = String(system.graph.links.HomeBucket?.name);
  await s3.put({ kind: "developer" }, bucket, "tmp/uploads/nobody-asked", Buffer.from("picture"));
  for (const name of ["Jobs", "MailEvents", "Image"])
    await system.until(
      `the dead letter of ${name}`,
      () => sqs.counts(system.queue(`${name}DeadLetterQueue`)).visible > 0,
    );
}

/** What the sweep does: a push and a tag that failed, and mail of which nobody was told. */
async function sweepPath(): Promise<void> {
  const { faults } = system.app.cloud;
  const { hello } = system.mailbox;
  const down = { error: { code: "ServiceUnavailable", status: 503 } };
  const socket = await admin.listen(`mailbox:${hello.id}`);
  faults.add({ service: "execute-api", operation: "PostToConnection", times: 10, effect: down });
  faults.add({ service: "s3", operation: "PutObjectTagging", times: 10, effect: down });
  const one = await letter([hello.address]);
  await system.send(one);
  await system.until("the message", () => system.stored(one.headerId).catch(() => undefined));
  await system.quiet();
  faults.clear();
  const forgotten = await letter([hello.address]);
  await system.forget(forgotten.raw, 20 * 60_000);
  await system.pass(61_000);
  await system.until("the sweep to fire", () => system.observed.some(({ kind }) => kind === "schedule.fire"));
  await system.invoke("OutboxSweep");
  await system.until("the forgotten mail", () => system.stored(forgotten.headerId).catch(() => undefined));
  await socket.until(() => socket.events.length >= 2, 20_000);
  socket.close();
  await system.quiet();
}

/** Granted for what later work fills in: role, an action of the statement, and what its resource has in its name. */
const notYetUsed: [role: string, action: string, resource?: string][] = [
  // Of the jobs whose history is over, and of pictures that were deleted while their sizes were made: not in this path.
  ["JobsConsumer", "s3:DeleteObject", "claims/"],
  ["ImageConsumer", "sqs:SendMessage"],
  // Attachments of mail that is sent.
  ["JobsConsumer", "s3:GetObject", "attachments/"],
  ["JobsConsumer", "ses:SendEmail"],
  ["JobsConsumer", "ses:SendBulkEmail"],
  ["JobsConsumer", "ses:UpdateEmailTemplate"],
  ["JobsConsumer", "ses:PutSuppressedDestination"],
  ["MailEventsConsumer", "sqs:SendMessage"],
  ["MailEventsConsumer", "execute-api:ManageConnections"],
];

/**
 * Statements that nothing here can use, each with its reason. Everything else that is granted must have been needed.
 */
const unused: [reason: string, matches: (placed: PlacedStatement) => boolean][] = [
  [
    "Lambda itself writes a function's log, as the function; here it goes to the terminal",
    ({ statement }) => statement.Sid === "OwnLog",
  ],
  [
    "Lambda itself makes network interfaces in the VPC, as the function; here there is no VPC",
    ({ statement }) => statement.Sid === "NetworkInterfaces",
  ],
  [
    "API Gateway's access log goes to CloudWatch on AWS alone",
    ({ holder }) => /:role\/(?:[\w-]+-)?APIGatewayPushToCloudWatchLogsRole/.test(holder),
  ],
  [
    "no instance and no network runs here",
    ({ holder }) => /:role\/[\w-]+-(?:Bastion|FlowLog|Nat)Role(?:-|$)/.test(holder),
  ],
  [
    "S3 writes down nobody's requests here",
    ({ holder }) => /^arn:aws:s3:::[\w-]+-(?:mailaccess|access|cdn)logsbucket-/.test(holder),
  ],
  [
    "nothing on this path uses it",
    ({ kind, holder, statement }) =>
      kind === "identity" &&
      notYetUsed.some(
        ([role, action, resource]) =>
          new RegExp(`:role/[\\w-]+-${role}(?:Role)?(?:-|$)`).test(holder) &&
          [statement.Action].flat().includes(action) &&
          (resource === undefined || [statement.Resource].flat().some((one) => one?.includes(resource))),
      ),
  ],
  ["SNS keeps no log of deliveries here", ({ holder }) => /:role\/[\w-]+DeliveryRole(?:-|$)/.test(holder)],
  [
    "SES sends no mail here yet, so it has nothing to tell of any",
    ({ holder, statement }) =>
      /:mail-events|:[\w-]+-MailEvents(?:DeadLetter)?Queue/.test(holder) && statement.Effect === "Allow",
  ],
  [
    "SNS gives up on a queue after 23 days, or when it is denied: tested below by taking away its right",
    ({ holder }) => holder.includes("MailSubscriptionDeadLetterQueue"),
  ],
];

test("every statement that is granted was needed: without it the path is denied, and the denial names who, what and where", () => {
  const { plan } = system.app.cloud;
  const granted = statementsOf(plan).filter(({ statement }) => statement.Effect === "Allow");
  expect(granted.length).toBeGreaterThan(40);
  const superfluous: string[] = [];
  /** Listed as unused, and needed all the same. */
  const needed: string[] = [];
  const listed = new Set<string>();
  for (const placed of granted) {
    // SST grants API Gateway the same right once for each route: they count as one.
    const same = granted.filter(
      ({ kind, holder, statement }) =>
        kind === placed.kind && holder === placed.holder && meaning(statement) === meaning(placed.statement),
    );
    const lacking = planWithout(plan, same);
    const denied = firstDenial(lacking, asked);
    const [reason] = unused.find(([, matches]) => matches(placed)) ?? [];
    if (reason) {
      listed.add(reason);
      if (denied) needed.push(`${describeStatement(placed)} (${reason})`);
      continue;
    }
    if (!denied) {
      superfluous.push(describeStatement(placed));
      continue;
    }
    const { principal, action, resource } = denied.request;
    expect(denied.message).toContain(`is not authorized to perform: ${action} on resource: ${resource}`);
    const who =
      principal.kind === "role"
        ? principal.roleArn.split("/").at(-1)
        : "service" in principal && principal.service;
    expect(denied.message).toContain(String(who));
  }
  expect({ superfluous, needed }).toEqual({ superfluous: [], needed: [] });
  // A reason that fits nothing any more is to be struck from the list.
  expect([...listed].sort()).toEqual(unused.map(([reason]) => reason).sort());
});

function meaning({ Sid, ...statement }: PlacedStatement["statement"]): string {
  return JSON.stringify(statement);
}

test("every Deny denies what comes without TLS", () => {
  const { plan } = system.app.cloud;
  const denies = statementsOf(plan).filter(({ statement }) => statement.Effect === "Deny");
  expect(denies.length).toBeGreaterThanOrEqual(6);
  for (const { holder, statement } of denies) {
    expect(statement.Condition, holder).toEqual({ Bool: { "aws:SecureTransport": "false" } });
    const request = asked.find(({ resource }) => resource === holder || resource.startsWith(`${holder}/`));
    const [action, resource] =
      holder.split(":")[2] === "s3"
        ? ["s3:GetObject", `${holder}/x`]
        : [holder.split(":")[2] === "sns" ? "sns:Publish" : "sqs:SendMessage", holder];
    const example: AuthorisationRequest = request ?? {
      principal: {
        kind: "service",
        service: "sns.amazonaws.com",
        sourceArn: system.queue("MailTopic"),
        sourceAccount: plan.accountId,
      },
      action,
      resource,
    };
    const insecure = { ...example, context: { ...example.context, "aws:SecureTransport": "false" } };
    expect(firstDenial(plan, [insecure])?.message, holder).toContain("explicit deny");
  }
});

describe("a running system from which a statement is taken", () => {
  afterEach(() => system.app.iam.replace(system.app.cloud.plan));

  /** Takes away what a holder is granted for an action. */
  function take(holder: RegExp, action: string): void {
    const { plan } = system.app.cloud;
    const found = statementsOf(plan).filter(
      (placed) =>
        holder.test(placed.holder) &&
        placed.statement.Effect === "Allow" &&
        [placed.statement.Action].flat().includes(action),
    );
    expect(found, `${action} of ${holder}`).not.toEqual([]);
    system.app.iam.replace(planWithout(plan, found));
  }
  /** The first denial of an action; waits for it. */
  const denial = (action: string) =>
    system.until(`a denial of ${action}`, () =>
      system.app.iam.denials().find((one) => one.action === action),
    );
  const owner = (name: string) => new RegExp(`:role/[\\w-]+-${name}Role-`);

  test("the consumer that may not read mail stores nothing, says why, and takes it in once it may", async () => {
    const one = await letter([system.mailbox.jobs.address]);
    take(owner("EmailConsumer"), "s3:GetObject");
    await system.send(one);
    const denied = await denial("s3:GetObject");
    expect(denied).toMatchObject({
      role: expect.stringMatching(owner("EmailConsumer")),
      resource: expect.stringMatching(/^arn:aws:s3:::[\w-]+\/inbound\//),
      missingStatement: { Effect: "Allow", Action: "s3:GetObject" },
    });
    await system.until("the failure to be written", async () => {
      const rows = await system.sql("select 1 from frontdesk.failures where code = 'object_forbidden'");
      return rows.length > 0;
    });
    await expect(system.stored(one.headerId)).rejects.toThrow(/0 messages/);
    system.app.iam.replace(system.app.cloud.plan);
    await system.quiet();
    await system.pass(361_000);
    await system.until("the message", () => system.stored(one.headerId).catch(() => undefined));
  });

  test("the API that may not log in to the database answers 503 and says nothing of why", async () => {
    take(owner("ApiFunction"), "rds-db:connect");
    killFunction(String(system.graph.links.ApiFunction?.name));
    const fresh = await system.signIn("admin");
    const answer = await fresh.fetch("/threads");
    const denied = await denial("rds-db:connect");
    expect(denied).toMatchObject({
      role: expect.stringMatching(owner("ApiFunction")),
      resource: expect.stringMatching(/:dbuser:cluster-[\w-]+\/frontdesk_app$/i),
    });
    expect(answer.status).toBeGreaterThanOrEqual(500);
    expect(await answer.text()).not.toMatch(/rds|arn:|PAM|frontdesk_app/);
  });

  test("the consumer that may not push stores the message all the same, and the sweep pushes it", async () => {
    const { jobs } = system.mailbox;
    const fresh = await system.signIn("admin");
    const socket = await fresh.listen(`mailbox:${jobs.id}`);
    take(owner("EmailConsumer"), "execute-api:ManageConnections");
    const one = await letter([jobs.address]);
    await system.send(one);
    const denied = await denial("execute-api:ManageConnections");
    expect(denied).toMatchObject({
      role: expect.stringMatching(owner("EmailConsumer")),
      resource: expect.stringMatching(/\/POST\/@connections\//),
    });
    const { id } = await system.until("the message", () =>
      system.stored(one.headerId).catch(() => undefined),
    );
    expect(socket.events).toEqual([]);
    await system.quiet();
    await system.pass(61_000);
    await system.invoke("OutboxSweep");
    await socket.until(() => socket.events.length > 0, 20_000);
    expect(socket.events.map(({ data }) => data.messageId)).toEqual([id]);
    socket.close();
  });

  test("SES that may not write to the bucket has the sender come again", async () => {
    take(/^arn:aws:s3:::[\w-]*mailbucket/, "s3:PutObject");
    const [sent] = await system.send(await letter([system.mailbox.jobs.address]));
    expect(sent).toMatchObject({ accepted: false, response: expect.stringMatching(/\b451\b/) });
    expect(await denial("s3:PutObject")).toMatchObject({ principal: "ses.amazonaws.com" });
  });

  test("a topic that may not send to the queue leaves its notices in the subscription's own dead-letter queue", async () => {
    const deadLetters = system.queue("MailSubscriptionDeadLetterQueue");
    take(new RegExp(`^${system.queue("EmailQueue")}$`), "sqs:SendMessage");
    const [sent] = await system.send(await letter([system.mailbox.jobs.address]));
    expect(sent?.accepted).toBe(true);
    await system.until("both notices", () => system.app.ports.sqs.counts(deadLetters).visible === 2);
    expect(await denial("sqs:SendMessage")).toMatchObject({ principal: "sns.amazonaws.com" });
  });

  test("a function whose role does not let Lambda in does not run", async () => {
    take(owner("ApiFunction"), "sts:AssumeRole");
    const fresh = await system.signIn("admin");
    expect((await fresh.fetch("/mailboxes")).status).toBe(500);
    expect(await denial("sts:AssumeRole")).toMatchObject({ principal: "lambda.amazonaws.com" });
  });
});
