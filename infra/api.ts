import { auth, issuer, webClient } from "./auth";
import { cache, cacheSecretArn } from "./cache";
import { cdn } from "./cdn";
import { database } from "./database";
import { ownDomain } from "./dns";
import { createFunction } from "./function";
import { googleClient } from "./google";
import { connectTo, getObjects, putObjects, readDepth, readSecret, redrive, sendTo } from "./grants";
import { migrated } from "./migrations";
import { queues } from "./queues";
import { push, realtime } from "./realtime";
import { appUser } from "./secrets";
import { settings } from "./stage";
import { claimCheckPrefix, homeBucket, mailBucket, rawMailPrefix } from "./storage";
import { uploadPrefix } from "./uploads";

const methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] as const;

export const api = new sst.aws.ApiGatewayV2("Api", {
  ...ownDomain("api"),
  cors: {
    allowOrigins: settings.allowedOrigins,
    allowMethods: [...methods],
    allowHeaders: ["authorization", "content-type", "if-match", "idempotency-key", "traceparent"],
    exposeHeaders: ["etag", "retry-after", "x-request-id"],
    maxAge: "1 hour",
  },
  accessLog: { retention: "1 month" },
  transform: { stage: { defaultRouteSettings: { throttlingBurstLimit: 200, throttlingRateLimit: 100 } } },
});

const workQueues = Object.values(queues).map(({ queue }) => queue);
const deadLetterQueues = Object.values(queues).map(({ deadLetterQueue }) => deadLetterQueue);

const apiFunction = createFunction("ApiFunction", {
  handler: "api/index.handler",
  description: "The HTTP API",
  links: [
    database,
    cache,
    mailBucket,
    homeBucket,
    auth,
    realtime,
    cdn,
    ...workQueues,
    ...deadLetterQueues,
    ...(googleClient ? [googleClient.link] : []),
  ],
  grants: [
    connectTo(appUser),
    readSecret(cacheSecretArn),
    // Signs addresses of private pictures and of attachments.
    readSecret(cdn.properties.secretArn),
    // People connect their calendars through it.
    ...(googleClient ? [readSecret(googleClient.secretArn)] : []),
    // Signed addresses of S3 work with the rights of who signed them.
    getObjects(mailBucket, rawMailPrefix),
    putObjects(homeBucket, uploadPrefix),
    // What is too large for a message. Whatever else a request asks of the world is a job.
    putObjects(homeBucket, claimCheckPrefix),
    push,
    // Jobs, and dead letters that go back to where they came from.
    sendTo(...workQueues),
    readDepth(...workQueues, ...deadLetterQueues),
    redrive(...deadLetterQueues),
  ],
  layers: ["data"],
  after: migrated,
});

const tokens = api.addAuthorizer({ name: "Tokens", jwt: { issuer, audiences: [webClient.id] } });

// A route of GET does not take HEAD (RFC 9110 §9.1 asks for both), which monitors send.
for (const open of ["/health", "/openapi.json"])
  for (const method of ["GET", "HEAD"]) api.route(`${method} ${open}`, apiFunction.arn);
// Method by method: ANY would take a browser's preflight (OPTIONS) too and answer it with 401.
for (const method of methods)
  api.route(`${method} /{proxy+}`, apiFunction.arn, { auth: { jwt: { authorizer: tokens.id } } });
