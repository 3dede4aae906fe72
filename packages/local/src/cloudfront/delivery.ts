/**
 * The answer to a request, from the edge's cache or from an origin.
 * https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/RequestAndResponseBehavior.html
 */
import { Readable } from "node:stream";
import { finished } from "node:stream/promises";
import type { Clock } from "../cloud/clock.ts";
import type { BehaviourSpec, DistributionSpec, OriginSpec } from "../plan/cdn-types.ts";
import type { EdgeCache, Entry, Recording } from "./cache.ts";
import { compressed } from "./compress.ts";
import {
  acceptedEncodings,
  cacheKey,
  keyedQuery,
  originHeaders,
  originQuery,
  passesCookies,
} from "./forwarding.ts";
import { isError, secondsToKeep } from "./freshness.ts";
import { type Answer, type Headers, isHopHeader, ownError, type ViewerRequest } from "./http.ts";
import { NoAnswer, type OriginAnswer, type Origins } from "./origin.ts";

export interface Delivery {
  distribution: DistributionSpec;
  cache: EdgeCache;
  origins: Origins;
  clock: Clock;
  log(message: string): void;
}

/** @param origin Chosen by a function, or the behaviour's own. */
export async function deliver(
  delivery: Delivery,
  behaviour: BehaviourSpec,
  request: ViewerRequest,
  origins: OriginSpec[],
): Promise<Answer> {
  const [origin] = origins;
  if (!origin) return ownError(502, `CloudFront has no origin "${behaviour.originId}".`);
  const { cache, clock } = delivery;
  const { method } = request;
  const cached = behaviour.cachedMethods.includes(method) && behaviour.cache.maxTtl > 0;
  const key = cached ? cacheKey(request, behaviour.cache, origin) : "";
  // What GET has brought answers HEAD, too.
  const keys = method === "HEAD" ? [`HEAD ${key}`, `GET ${key}`] : [`${method} ${key}`];
  const found = cached ? keys.map((one) => cache.get(one)).find((one) => one !== undefined) : undefined;
  if (found && found.freshUntil > clock.now()) return fromCache(found, clock.now(), "Hit");
  const stale = found && !isError(found.status) ? found : undefined;

  let answer: OriginAnswer;
  try {
    answer = await askOne(delivery, behaviour, request, origins, stale, cached);
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error;
    if (stale) return fromCache(stale, clock.now(), "Hit");
    delivery.log(`CloudFront: ${delivery.distribution.name}: ${error.message}`);
    return ownError(
      error.status,
      "CloudFront wasn't able to connect to the origin, or it did not answer in time.",
    );
  }
  if (stale && answer.status === 304) return confirmed(delivery, behaviour, stale, answer, keys);
  // What is kept is better than an origin in trouble.
  if (stale && answer.status >= 500) {
    answer.body.resume();
    return fromCache(stale, clock.now(), "Hit");
  }
  return taken(delivery, behaviour, request, answer, cached ? `${method} ${key}` : undefined);
}

async function askOne(
  { distribution, origins }: Delivery,
  behaviour: BehaviourSpec,
  request: ViewerRequest,
  candidates: OriginSpec[],
  stale: Entry | undefined,
  cached: boolean,
): Promise<OriginAnswer> {
  const group = distribution.originGroups.find(({ id }) => id === behaviour.originId);
  const hasBody = !["GET", "HEAD", "OPTIONS"].includes(request.method);
  let last: unknown;
  for (const [index, origin] of candidates.entries()) {
    const final = index === candidates.length - 1;
    const headers = originHeaders(request, behaviour, origin, distribution.id);
    if (cached) validators(headers, stale);
    else conditions(headers, request);
    try {
      const answer = await origins.ask(distribution, origin, {
        method: request.method,
        path: `${origin.path}${request.uri}`,
        query: originQuery(request, behaviour),
        headers,
        https: request.https,
        ...(hasBody && { body: request.body }),
      });
      if (final || !group?.statusCodes.includes(answer.status)) return answer;
      answer.body.resume();
    } catch (error) {
      last = error;
      // A body that has been read is not there for another origin.
      if (final || hasBody) throw error;
    }
  }
  throw last;
}

/** Of what is kept and may be old: the origin says whether it still holds. */
function validators(headers: Record<string, string>, stale: Entry | undefined): void {
  if (!stale) return;
  if (stale.headers.etag !== undefined) headers["if-none-match"] = String(stale.headers.etag);
  if (stale.headers["last-modified"] !== undefined)
    headers["if-modified-since"] = String(stale.headers["last-modified"]);
}
/** What is not cached goes through with the viewer's own conditions. */
function conditions(headers: Record<string, string>, request: ViewerRequest): void {
  for (const [name, value] of Object.entries(request.headers))
    if (name.startsWith("if-") || name === "range") headers[name] = value;
}

function fromCache(entry: Entry, now: number, cache: Answer["cache"]): Answer {
  const age = entry.age + Math.max(0, Math.floor((now - entry.at) / 1000));
  return {
    status: entry.status,
    headers: { ...entry.headers, age: String(age) },
    body: entry.body,
    size: entry.size ?? entry.body.size,
    cache: isError(entry.status) ? "Error" : cache,
  };
}

function confirmed(
  { cache, clock }: Delivery,
  behaviour: BehaviourSpec,
  stale: Entry,
  answer: OriginAnswer,
  keys: string[],
): Answer {
  answer.body.resume();
  const now = clock.now();
  const headers = { ...stale.headers, ...kept(answer.headers, behaviour, ["content-length"]) };
  const entry: Entry = { ...stale, headers, at: now, age: ageOf(answer.headers), freshUntil: 0 };
  entry.freshUntil = freshUntil({ status: stale.status, headers }, behaviour, entry, undefined);
  for (const key of keys) cache.renew(key, entry);
  return fromCache(entry, now, "RefreshHit");
}

/** The origin's answer, recorded as it passes by where it may be kept. */
async function taken(
  { distribution, cache, clock }: Delivery,
  behaviour: BehaviourSpec,
  request: ViewerRequest,
  answer: OriginAnswer,
  key: string | undefined,
): Promise<Answer> {
  const { status } = answer;
  const now = clock.now();
  const headers = kept(answer.headers, behaviour);
  const length = headers["content-length"];
  delete headers["content-length"];
  let body: Readable | Buffer = answer.body;
  let size = length === undefined ? undefined : Number(length);
  const encodings = behaviour.compress ? acceptedEncodings(request, behaviour.cache) : [];
  const small =
    request.method === "GET" ? await compressed({ status, headers, size, body }, encodings) : undefined;
  if (small) {
    body = small;
    size = small.length;
  }
  const result: Answer = {
    status,
    headers,
    body,
    ...(size !== undefined && { size }),
    cache: isError(status) ? "Error" : "Miss",
  };
  if (key === undefined) return result;
  const entry = {
    path: request.uri,
    query: keyedQuery(request, behaviour.cache),
    status,
    headers,
    at: now,
    age: ageOf(answer.headers),
    ...(size !== undefined && { size }),
  };
  const errorSeconds = distribution.errorResponses.find(({ code }) => code === status)?.ttlSeconds;
  const until = freshUntil({ status, headers }, behaviour, entry, errorSeconds);
  if (until <= now) return result;
  const recording = cache.record();
  const source = Buffer.isBuffer(body) ? Readable.from([body], { objectMode: false }) : body;
  const commit = async () => {
    const stored = await recording.finish();
    // Fewer bytes than were announced are not the object.
    if (!stored || (request.method !== "HEAD" && size !== undefined && stored.size !== size)) return;
    cache.put(key, { ...entry, headers: { ...headers }, body: stored, freshUntil: until });
  };
  return { ...result, body: Readable.from(recorded(source, recording, commit), { objectMode: false }) };
}

function freshUntil(
  answer: { status: number; headers: Headers },
  { cache }: BehaviourSpec,
  { at, age }: Pick<Entry, "at" | "age">,
  errorSeconds: number | undefined,
): number {
  return at + (secondsToKeep(answer, cache, at, errorSeconds) - age) * 1000;
}
function ageOf(headers: Headers): number {
  const age = Number(headers.age ?? 0);
  return Number.isInteger(age) && age > 0 ? age : 0;
}

/** The last piece is held back until the whole is kept: who has got it may ask again at once. */
async function* recorded(
  source: Readable,
  recording: Recording,
  commit: () => Promise<void>,
): AsyncGenerator<Buffer> {
  let whole = false;
  let held: Buffer | undefined;
  try {
    for await (const chunk of source) {
      await recording.write(chunk as Buffer);
      if (held) yield held;
      held = chunk as Buffer;
    }
    whole = true;
    await commit();
    if (held) yield held;
  } finally {
    if (!whole) await recording.abort();
  }
}

/** What a viewer sees of an origin's headers. */
function kept(headers: Headers, behaviour: BehaviourSpec, without: string[] = []): Headers {
  const left: Headers = {};
  for (const [name, value] of Object.entries(headers)) {
    if (isHopHeader(name) || dropped.has(name) || without.includes(name)) continue;
    if (name === "set-cookie" && !passesCookies(behaviour)) continue;
    left[name] = value;
  }
  return left;
}
/** S3's own of a request, and what CloudFront says itself. */
const dropped = new Set([
  "x-amz-request-id",
  "x-amz-id-2",
  "x-amzn-requestid",
  "age",
  "date",
  "via",
  "x-cache",
]);

/** Resolves when an answer that nobody wants has been let go. */
export async function discard(answer: Answer): Promise<void> {
  if (!(answer.body instanceof Readable)) return;
  answer.body.resume();
  await finished(answer.body).catch(() => undefined);
}
