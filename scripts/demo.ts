/**
 * `npm run demo`: brings everything up, sends mail in by SMTP, follows it to a subscribed socket, reads it back through
 * the API, runs jobs, has sizes made of pictures, and stays up. `-- --once` ends instead: 0 when all is well, 1 when anything is lost; the last line on stdout
 * is one JSON object.
 */
import { join } from "node:path";
import * as trace from "@frontdesk/core/trace";
import { hopRecorder } from "./demo/hops.ts";
import { apiClient, listen, readBack } from "./demo/inbox.ts";
import { runJobs } from "./demo/jobs.ts";
import { corpusMessages, ownMessages } from "./demo/messages.ts";
import { showPictures } from "./demo/pictures.ts";
import { printMessages, summary } from "./demo/report.ts";
import { sendAll } from "./demo/send.ts";
import { stopOnSignals } from "./run/ctrl-c.ts";
import { readOptions } from "./run/options.ts";
import { workFolder } from "./run/root.ts";
import { developerOf, publish, startFrontdesk, unpublish } from "./run/start.ts";
import { tokenFor } from "./run/tokens.ts";

const options = readOptions("npm run demo");
const { signal, onStop, stopped } = stopOnSignals();
const say = (line: string) => process.stderr.write(`${line}\n`);

async function demo(): Promise<number> {
  const { app, addresses } = await startFrontdesk({
    stage: options.stage,
    // Counts are compared with what was sent, so the demo begins with nothing; `npm run local` keeps its own data.
    fresh: true,
    fast: true,
    watch: !options.once,
    stateDir: join(workFolder, "state", `demo-${options.stage}`),
    ports: options.ports,
    signal,
  });
  onStop(async () => {
    unpublish();
    await app.stop();
  });
  publish(app, addresses);
  for (const [name, address] of Object.entries(addresses))
    if (typeof address === "string") say(`${name.padEnd(10)} ${address}`);

  const developer = developerOf(app);
  const token = await tokenFor(
    { ...developer, endpoint: addresses.aws },
    `admin@${developer.workspaceDomain}`,
    "admin",
  );
  const origin = developer.origin;
  const api = apiClient(addresses.api, token, origin);
  const mailboxes = (await api.get<{ items: { id: string; address: string }[] }>("/mailboxes")).items;
  const socket = await listen(
    api,
    addresses.websocket,
    origin,
    mailboxes.map(({ id }) => `mailbox:${id}`),
  );

  const consumer = app.cloud.plan.functions.find((fn) => fn.name.endsWith("EmailConsumer"))?.arn;
  const hops = hopRecorder((resource) => resource === consumer);
  const stopRecording = app.cloud.observer.on(hops.record);

  const outgoing = [
    ...corpusMessages(mailboxes.map(({ address }) => address)),
    ...(await ownMessages(mailboxes.map(({ address }) => address))),
  ];
  say(`\nsending ${outgoing.length} messages to ${addresses.smtp} …`);
  const sent = await sendAll(outgoing, addresses.smtp, signal);
  const delivered = sent.filter((message) => message.accepted);
  const tracesOf = new Map(
    delivered.map((message) => [trace.ofObjectKey(hops.of(message.sesMessageId)?.key ?? ""), message]),
  );
  const arrived = () => new Set(socket.events.map(({ data }) => data.trace ?? ""));
  const lost = await socket
    .until(() => [...tracesOf.keys()].every((wanted) => arrived().has(wanted)), 60_000)
    .then(() => undefined)
    .catch((error: Error) => error.message);
  stopRecording();

  const stored = await readBack(api);
  printMessages(say, delivered, hops, trace.ofObjectKey, socket.events, stored.messages);
  const jobs = await runJobs(api, addresses.websocket, origin, say);
  const pictures = await showPictures(api, addresses.cdn, say);
  const result = summary({
    jobs: jobs.figures,
    media: pictures.figures,
    delivered,
    hops,
    traceOf: trace.ofObjectKey,
    events: socket.events,
    stored,
    denied: app.iam.denials().reduce((sum, denial) => sum + denial.count, 0),
    deadLettered: app.cloud.plan.queues
      .filter(
        (queue) =>
          app.cloud.plan.queues.some((source) => source.redrive?.deadLetterTargetArn === queue.arn) ||
          app.cloud.plan.subscriptions.some((subscription) => subscription.deadLetterTargetArn === queue.arn),
      )
      .reduce((sum, queue) => sum + app.ports.sqs.counts(queue.arn).visible, 0),
  });
  for (const failure of sent.filter((message) => !message.accepted))
    say(`refused: ${failure.label}: ${failure.response}`);
  for (const denial of app.iam.denials()) say(`denied: ${denial.message}`);
  if (lost) say(`not everything arrived: ${lost}`);
  const problems = [...jobs.problems, ...pictures.problems];
  for (const problem of problems) say(problem);
  const well =
    !lost &&
    problems.length === 0 &&
    sent.every((message) => message.accepted) &&
    result.stored === result.delivered &&
    result.pushed >= result.delivered &&
    result.denied === 0 &&
    result.deadLettered === 0;
  socket.close();

  if (!options.once) {
    say(`\n${JSON.stringify(result)}`);
    say("\nup until Ctrl-C. A token: npm run -s token -- --role admin");
    await stopped;
    return well ? 0 : 1;
  }
  unpublish();
  await app.stop();
  process.stdout.write(`${JSON.stringify(result)}\n`);
  return well ? 0 : 1;
}

try {
  process.exit(await demo());
} catch (error) {
  if (signal.aborted) {
    await stopped;
    process.exit(130);
  }
  say((error as Error).stack ?? String(error));
  process.exit(1);
}
