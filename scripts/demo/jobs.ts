/** The demo's jobs: one now, one in a few seconds, one that is retried, and one that dies and is sent back. */
import { type Api, listen } from "./inbox.ts";
import { until } from "./until.ts";

export interface JobFigures {
  /** Jobs that the API says are done. */
  done: number;
  /** Of those, the ones that took more than one attempt. */
  retried: number;
  /** Jobs found among the dead letters of the jobs queue. */
  deadLettered: number;
  /** Of those, the ones that were sent back and are done now. */
  redriven: number;
}

interface Job {
  id: string;
  state: string;
  attempts: number;
}

const LATER_MS = 3_000;

/** @returns The figures, and what did not go as it should. */
export async function runJobs(
  api: Api,
  websocket: string,
  origin: string,
  say: (line: string) => void,
): Promise<{ figures: JobFigures; problems: string[] }> {
  const start = async (label: string, payload: object, runAt?: Date) => {
    const { id } = await api.post<{ id: string }>("/jobs", {
      type: "probe",
      payload,
      ...(runAt && { runAt: runAt.toISOString() }),
    });
    return { id, label };
  };
  say("\nfour jobs: one now, one in three seconds, one that fails once, one that always fails …");
  const asked = Date.now();
  const started = await Promise.all([
    start("now", { seconds: 0.5 }),
    start("in three seconds", {}, new Date(asked + LATER_MS)),
    start("fails once", { failures: 1 }),
    start("always fails", { failures: 10 }),
  ]);
  const socket = await listen(
    api,
    websocket,
    origin,
    started.map(({ id }) => ({ topic: `job:${id}`, after: 0 })),
  );
  const problems: string[] = [];
  const ended = async (id: string, label: string, wanted: string): Promise<Job> => {
    const job = await until(
      () => api.get<Job>(`/jobs/${id}`),
      ({ state }) => [wanted, "done", "dead", "cancelled"].includes(state),
    );
    if (job.state !== wanted) problems.push(`the job "${label}" is ${job.state}, not ${wanted}`);
    return job;
  };
  try {
    const jobs = await Promise.all(
      started.map(({ id, label }) => ended(id, label, label === "always fails" ? "dead" : "done")),
    );
    for (const [index, { id, label }] of started.entries()) {
      const events = socket.events.filter(({ topic }) => topic === `job:${id}`);
      say(
        `${label.padEnd(18)} ${jobs[index]?.state.padEnd(6)} attempts ${jobs[index]?.attempts}  pushed: ${events.map(({ type, at }) => `${type} ${at - asked} ms`).join(", ")}`,
      );
    }
    const done = jobs.filter(({ state }) => state === "done");
    const { deadLettered, redriven } = await sendBack(
      api,
      jobs.filter(({ state }) => state === "dead"),
      say,
      ended,
    );
    return {
      figures: {
        done: done.length + redriven,
        retried: done.filter(({ attempts }) => attempts > 1).length,
        deadLettered,
        redriven,
      },
      problems,
    };
  } finally {
    socket.close();
  }
}

/** Finds dead jobs among the dead letters, and sends each back with a payload that works. */
async function sendBack(
  api: Api,
  dead: Job[],
  say: (line: string) => void,
  ended: (id: string, label: string, wanted: string) => Promise<Job>,
): Promise<Pick<JobFigures, "deadLettered" | "redriven">> {
  const wanted = new Set(dead.map(({ id }) => id));
  interface Letter {
    messageId: string;
    jobId: string | null;
    cause: string | null;
  }
  const letters = await until(
    async () => {
      const { items } = await api.get<{ items: Letter[] }>("/queues/jobs/dead-letters?limit=100");
      return items.filter(({ jobId }) => jobId !== null && wanted.has(jobId));
    },
    ({ length }) => length === wanted.size,
  );
  for (const { jobId, cause } of letters) say(`dead letter        ${jobId}: ${cause}`);
  if (letters.length > 0)
    await api.post("/queues/jobs/redrive", {
      messages: letters.map(({ messageId }) => ({ messageId, body: JSON.stringify({ failures: 0 }) })),
    });
  const back = await Promise.all(letters.map(({ jobId }) => ended(jobId ?? "", "sent back", "done")));
  for (const { id, state } of back) say(`sent back, edited  ${id}: ${state}`);
  return { deadLettered: letters.length, redriven: back.filter(({ state }) => state === "done").length };
}
