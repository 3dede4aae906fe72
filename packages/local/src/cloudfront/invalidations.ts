/**
 * Invalidations, by CloudFront's API. They take effect before the answer, and are called InProgress in it all the same.
 * https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_CreateInvalidation.html
 */
import { randomInt } from "node:crypto";
import { XMLParser } from "fast-xml-parser";
import { AwsError } from "../cloud/errors.ts";
import type { AwsAnswer, AwsCall, AwsService, Cloud } from "../cloud/types.ts";
import { decode } from "../front-door/canonical.ts";
import { restOperation } from "../front-door/rest-operations.ts";
import { escapeXml } from "../front-door/xml.ts";
import type { EdgeCache } from "./cache.ts";

interface Invalidation {
  id: string;
  callerReference: string;
  paths: string[];
  /** Milliseconds. */
  created: number;
}

/** Of files; AWS takes no more at once. */
const PATHS_LIMIT = 3000;
/** Of each distribution, the newest are kept. */
const KEPT = 1000;

const parser = new XMLParser({
  ignoreAttributes: true,
  parseTagValue: false,
  isArray: (name) => name === "Path",
});
const xmlns = "http://cloudfront.amazonaws.com/doc/2020-05-31/";

/** @param caches By the distribution's id. */
export function createInvalidations(cloud: Cloud, caches: ReadonlyMap<string, EdgeCache>): AwsService {
  /** By the distribution's id, the newest first. */
  const made = new Map<string, Invalidation[]>();

  function cacheOf(id: string): EdgeCache {
    const cache = caches.get(id);
    if (cache) return cache;
    throw new AwsError("NoSuchDistribution", "The specified distribution does not exist.", 404);
  }

  function create(distributionId: string, call: AwsCall): AwsAnswer {
    const cache = cacheOf(distributionId);
    const { paths, callerReference } = readBatch(call.http.rawBody);
    const known = made.get(distributionId) ?? [];
    const same = known.find((one) => one.callerReference === callerReference);
    if (same && JSON.stringify(same.paths) !== JSON.stringify(paths))
      throw new AwsError(
        "InvalidArgument",
        "The caller reference was used for an invalidation of other paths.",
      );
    const invalidation: Invalidation = same ?? {
      id: newId(),
      callerReference,
      paths,
      created: cloud.clock.now(),
    };
    if (!same) {
      made.set(distributionId, [invalidation, ...known].slice(0, KEPT));
      const matchers = paths.map(matcher);
      cache.drop(({ path, query }) => {
        const whole = decode(query === "" ? path : `${path}?${query}`);
        return matchers.some((matches) => matches(whole));
      });
    }
    return {
      status: 201,
      headers: {
        location: `https://cloudfront.amazonaws.com/2020-05-31/distribution/${distributionId}/invalidation/${invalidation.id}`,
      },
      body: describe(invalidation, same ? "Completed" : "InProgress"),
    };
  }

  function get(distributionId: string, id: string): AwsAnswer {
    cacheOf(distributionId);
    const found = made.get(distributionId)?.find((one) => one.id === id);
    if (!found) throw new AwsError("NoSuchInvalidation", "The specified invalidation does not exist.", 404);
    return { body: describe(found, "Completed") };
  }

  function list(distributionId: string, query: URLSearchParams): AwsAnswer {
    cacheOf(distributionId);
    const all = made.get(distributionId) ?? [];
    const marker = query.get("Marker") ?? "";
    const most = Math.min(Number(query.get("MaxItems") ?? 100) || 100, 100);
    const from = marker === "" ? 0 : all.findIndex(({ id }) => id === marker) + 1;
    const page = all.slice(from, from + most);
    const more = from + most < all.length;
    const items = page.map(
      (one) =>
        `<InvalidationSummary><Id>${one.id}</Id><CreateTime>${new Date(one.created).toISOString()}</CreateTime><Status>Completed</Status></InvalidationSummary>`,
    );
    return {
      body: document(
        "InvalidationList",
        `<Marker>${escapeXml(marker)}</Marker>${more ? `<NextMarker>${page.at(-1)?.id}</NextMarker>` : ""}<MaxItems>${most}</MaxItems><IsTruncated>${more}</IsTruncated><Quantity>${page.length}</Quantity><Items>${items.join("")}</Items>`,
      ),
    };
  }

  return {
    signingNames: ["cloudfront"],
    async handle(call) {
      const { method, path, query, headers } = call.http;
      const operation = restOperation("cloudfront", {
        method,
        path,
        query,
        headers,
        host: headers.host ?? "",
      });
      const [, distributionId = "", id = ""] =
        /^\/[^/]+\/distribution\/([^/]+)\/invalidation(?:\/([^/]+))?$/.exec(path) ?? [];
      const authorise = () =>
        call.authorise(
          `cloudfront:${operation}`,
          `arn:aws:cloudfront::${cloud.plan.accountId}:distribution/${distributionId}`,
        );
      switch (operation) {
        case "CreateInvalidation":
          authorise();
          return create(distributionId, call);
        case "GetInvalidation":
          authorise();
          return get(distributionId, id);
        case "ListInvalidations":
          authorise();
          return list(distributionId, query);
        default:
          throw new AwsError(
            "NotImplemented",
            `CloudFront's ${operation} does not run on this machine: distributions come from sst.config.ts.`,
            501,
          );
      }
    },
  };
}

function readBatch(body: Buffer): { paths: string[]; callerReference: string } {
  const malformed = () => new AwsError("MalformedXML", "The XML document is malformed.");
  const text = body.toString("utf8");
  if (/<!DOCTYPE/i.test(text)) throw malformed();
  let batch: { Paths?: { Quantity?: unknown; Items?: { Path?: unknown[] } }; CallerReference?: unknown };
  try {
    batch = (parser.parse(text, true) as { InvalidationBatch?: typeof batch }).InvalidationBatch ?? {};
  } catch {
    throw malformed();
  }
  const paths = (batch.Paths?.Items?.Path ?? []).map(String);
  const callerReference = String(batch.CallerReference ?? "");
  if (callerReference === "") throw new AwsError("MissingArgument", "CallerReference is missing.");
  if (Number(batch.Paths?.Quantity) !== paths.length)
    throw new AwsError("InconsistentQuantities", "The value of Quantity and the size of Items don't match.");
  if (paths.length > PATHS_LIMIT)
    throw new AwsError("BatchTooLarge", "Invalidation batch specified is too large.", 413);
  if (paths.length === 0 || paths.some((path) => !/^\/[^*]*\*?$/.test(path)))
    throw new AwsError("InvalidArgument", "Your request contains one or more invalid invalidation paths.");
  return { paths, callerReference };
}

/** The whole, or what begins as the path does up to its `*`. */
function matcher(path: string): (whole: string) => boolean {
  const plain = decode(path);
  return plain.endsWith("*") ? (whole) => whole.startsWith(plain.slice(0, -1)) : (whole) => whole === plain;
}

function describe({ id, callerReference, paths, created }: Invalidation, status: string): string {
  const items = paths.map((path) => `<Path>${escapeXml(path)}</Path>`).join("");
  return document(
    "Invalidation",
    `<Id>${id}</Id><Status>${status}</Status><CreateTime>${new Date(created).toISOString()}</CreateTime><InvalidationBatch><Paths><Quantity>${paths.length}</Quantity><Items>${items}</Items></Paths><CallerReference>${escapeXml(callerReference)}</CallerReference></InvalidationBatch>`,
  );
}
const document = (root: string, body: string) =>
  `<?xml version="1.0" encoding="UTF-8"?>\n<${root} xmlns="${xmlns}">${body}</${root}>`;

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const newId = () => `I${Array.from({ length: 25 }, () => alphabet.charAt(randomInt(36))).join("")}`;
