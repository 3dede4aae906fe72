/** Uploads by HTML form. https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html */
import { AwsError } from "../../cloud/errors.ts";
import type { AwsAnswer, AwsCall, CredentialStore, Principal } from "../../cloud/types.ts";
import {
  deriveSigningKey,
  hmac,
  parseDate,
  type SigningClock,
  sameBytes,
  signatureMismatch,
} from "../../front-door/sigv4.ts";
import { escapeXml } from "../../front-door/xml.ts";
import type { Bucket, Doer } from "./bucket.ts";
import { readForm } from "./form.ts";
import { checkKey } from "./key.ts";
import { headerContext, metadataOf, writtenHeaders } from "./metadata.ts";
import { checkPolicy, readPolicy } from "./post-policy.ts";
import { requestTagContext, tagsOfXml } from "./tagging.ts";

/** In a key, stands for the name of the file on its sender's machine. */
const FILE_NAME = /\$\{filename\}/g;

export interface PostCall {
  call: AwsCall;
  bucket: Bucket;
  credentials: CredentialStore;
  clock: SigningClock;
  doerOf(principal: Principal): Doer;
}

export async function postObject({ call, bucket, credentials, clock, doerOf }: PostCall): Promise<AwsAnswer> {
  const { body, headers: httpHeaders } = call.http;
  const { fields, file, close } = await readForm(body, httpHeaders["content-type"]);
  try {
    const sentKey = fields.get("key");
    if (!sentKey)
      throw new AwsError("InvalidArgument", "Bucket POST must contain a field named 'key'.", 400, {
        ArgumentName: "key",
        ArgumentValue: sentKey ?? "",
      });
    const size = admit(call, bucket, credentials, clock, fields);
    const key = checkKey(sentKey.replaceAll(FILE_NAME, () => file.name));
    const headers = headersOf(fields);
    const tagging = fields.get("tagging");
    const tags = tagging === undefined ? {} : tagsOfXml(Buffer.from(tagging));
    const context = { ...headerContext(headers), ...requestTagContext(tags), "s3:authType": "POST" };
    call.authorise("s3:PutObject", bucket.arn(key), context);
    if (tagging !== undefined) call.authorise("s3:PutObjectTagging", bucket.arn(key), context);
    const content = { ...metadataOf(headers), tags };
    const received = await bucket.receive(file.body, {
      headers,
      ...(size && { limit: size.to, minimum: size.from }),
    });
    const object = bucket.commit(
      key,
      { ...received, etag: `"${received.md5}"` },
      { ...content, ...(received.checksum && { checksum: received.checksum }) },
      "ObjectCreated:Post",
      doerOf(call.principal),
    );
    return answer(fields, bucket, key, object.etag, writtenHeaders(object, bucket.spec.versioning));
  } finally {
    file.body.destroy();
    await close();
  }
}

/**
 * Takes the signer of the form's policy for the caller, and holds the form to the policy. A form without a policy is
 * anonymous.
 */
function admit(
  call: AwsCall,
  bucket: Bucket,
  credentials: CredentialStore,
  clock: SigningClock,
  fields: Map<string, string>,
): { from: number; to: number } | undefined {
  const policy = fields.get("policy");
  if (policy === undefined) return undefined;
  call.principal = verifySigner(policy, bucket, credentials, fields);
  const signedAt = parseDate(fields.get("x-amz-date") ?? "");
  // By the machine's clock, if who signed it goes by that: the policy's end is told by the same one.
  const ahead = Math.max(0, (clock.atMachineTime(signedAt) ?? signedAt) - signedAt);
  const form = new Map([...fields, ["bucket", bucket.spec.name]]);
  return checkPolicy(readPolicy(policy), form, clock.now() - ahead);
}

function verifySigner(
  policy: string,
  bucket: Bucket,
  credentials: CredentialStore,
  fields: Map<string, string>,
): Principal {
  const field = (name: string) => {
    const value = fields.get(name);
    if (!value)
      throw new AwsError("InvalidArgument", `Bucket POST must contain a field named '${name}'.`, 400, {
        ArgumentName: name,
        ArgumentValue: "",
      });
    return value;
  };
  if (field("x-amz-algorithm") !== "AWS4-HMAC-SHA256")
    throw new AwsError("InvalidArgument", "X-Amz-Algorithm only supports AWS4-HMAC-SHA256");
  const [accessKeyId = "", day = "", region = "", service, end] = field("x-amz-credential").split("/");
  if (service !== "s3" || end !== "aws4_request" || !field("x-amz-date").startsWith(day) || day === "")
    throw new AwsError(
      "AuthorizationHeaderMalformed",
      "x-amz-credential must be <key>/<date>/<region>/s3/aws4_request, with the date of x-amz-date.",
    );
  if (region !== bucket.spec.region)
    throw new AwsError(
      "AuthorizationHeaderMalformed",
      `The authorization header is malformed; the region '${region}' is wrong; expecting '${bucket.spec.region}'`,
      400,
      { Region: bucket.spec.region },
    );
  const known = credentials.find(accessKeyId);
  if (!known)
    throw new AwsError(
      "InvalidAccessKeyId",
      "The AWS Access Key Id you provided does not exist in our records.",
      403,
    );
  if (fields.get("x-amz-security-token") !== known.credentials.sessionToken)
    throw new AwsError("InvalidToken", "The provided token is malformed or otherwise invalid.");
  const expected = hmac(deriveSigningKey(known.credentials.secretAccessKey, day, region, "s3"), policy);
  if (!sameBytes(expected, Buffer.from(field("x-amz-signature"), "hex"))) throw signatureMismatch();
  return known.principal;
}

/** Fields that stand for the headers of a PUT. */
function headersOf(fields: Map<string, string>): Record<string, string> {
  const names = [
    "acl",
    "content-type",
    "content-disposition",
    "content-encoding",
    "content-language",
    "cache-control",
    "expires",
  ];
  const headers: [string, string][] = [];
  // Fields are UTF-8; the headers that they stand for are read as Latin-1.
  for (const [name, value] of fields)
    if (names.includes(name) || name.startsWith("x-amz-"))
      headers.push([name === "acl" ? "x-amz-acl" : name, Buffer.from(value).toString("latin1")]);
  return Object.fromEntries(headers);
}

function answer(
  fields: Map<string, string>,
  bucket: Bucket,
  key: string,
  etag: string,
  headers: Record<string, string>,
): AwsAnswer {
  const { name, region } = bucket.spec;
  const location = `https://${name}.s3.${region}.amazonaws.com/${key.split("/").map(encodeURIComponent).join("/")}`;
  const redirect = redirectOf(fields.get("success_action_redirect") ?? fields.get("redirect"));
  if (redirect) {
    for (const [parameter, value] of [
      ["bucket", name],
      ["key", key],
      ["etag", etag],
    ] as const)
      redirect.searchParams.set(parameter, value);
    return { status: 303, headers: { ...headers, location: redirect.href }, body: "" };
  }
  const status = fields.get("success_action_status");
  if (status === "200") return { status: 200, headers: { ...headers, location }, body: "" };
  if (status !== "201") return { status: 204, headers: { ...headers, location } };
  return {
    status: 201,
    headers: { ...headers, location },
    body: `<?xml version="1.0" encoding="UTF-8"?>\n<PostResponse><Location>${escapeXml(location)}</Location><Bucket>${name}</Bucket><Key>${escapeXml(key)}</Key><ETag>${escapeXml(etag)}</ETag></PostResponse>`,
  };
}

/** What is no web address is ignored, as S3 does. */
function redirectOf(address: string | undefined): URL | undefined {
  if (!address || !URL.canParse(address)) return undefined;
  const url = new URL(address);
  return url.protocol === "http:" || url.protocol === "https:" ? url : undefined;
}
