/** Parameter Store of AWS Systems Manager. https://docs.aws.amazon.com/systems-manager/latest/APIReference/ */
import { createHash } from "node:crypto";
import { AwsError } from "../../cloud/errors.ts";
import type { AwsCall, AwsService, Cloud } from "../../cloud/types.ts";
import { page, requiredString, stringOf, stringsOf } from "../secrets/input.ts";
import { createParameterStore, type Parameter, type ParameterVersion, parameterArn } from "./store.ts";

type Operation = (call: AwsCall) => Record<string, unknown>;

export function createSsm(cloud: Cloud): AwsService {
  const store = createParameterStore(cloud);

  /** `name`, `name:3`, or an ARN with either. */
  function look(call: AwsCall, selector: string) {
    const local = selector.startsWith("arn:")
      ? selector
          .split(":")
          .slice(5)
          .join(":")
          .replace(/^parameter/, "")
      : selector;
    const colon = local.indexOf(":");
    const name = colon < 0 ? local : local.slice(0, colon);
    const wanted = colon < 0 ? undefined : local.slice(colon + 1);
    // An ARN has one slash before the name whether the name begins with one or not.
    const parameter = store.find(name, call.region) ?? store.find(name.replace(/^\//, ""), call.region);
    const version = parameter?.versions.find((one, at, all) =>
      wanted === undefined ? at === all.length - 1 : String(one.version) === wanted,
    );
    const arn = parameter?.arn ?? parameterArn(cloud.plan.accountId, call.region, name);
    return { name, arn, parameter, version, selector: wanted };
  }

  const operations: Record<string, Operation> = {
    GetParameter(call) {
      const { arn, parameter, version, selector } = look(call, requiredString(call.input, "Name"));
      call.authorise("ssm:GetParameter", arn);
      if (!parameter) throw new AwsError("ParameterNotFound", "The parameter does not exist.");
      if (!version)
        throw new AwsError("ParameterVersionNotFound", `The parameter has no version ${selector}.`);
      return { Parameter: show(parameter, version, call.input, selector) };
    },

    GetParameters(call) {
      const names = stringsOf(call.input, "Names") ?? [];
      if (names.length < 1 || names.length > 10)
        throw new AwsError("ValidationException", "Names must have from 1 to 10 members.");
      const looked = names.map((asked) => ({ asked, ...look(call, asked) }));
      for (const { arn } of looked) call.authorise("ssm:GetParameters", arn);
      return {
        Parameters: looked.flatMap(({ parameter, version, selector }) =>
          parameter && version ? [show(parameter, version, call.input, selector)] : [],
        ),
        InvalidParameters: looked.flatMap(({ version, asked }) => (version ? [] : [asked])),
      };
    },

    GetParametersByPath(call) {
      const path = requiredString(call.input, "Path");
      if (!path.startsWith("/"))
        throw new AwsError("ValidationException", "The path must begin with a slash.");
      const recursive = call.input.Recursive === true;
      call.authorise("ssm:GetParametersByPath", parameterArn(cloud.plan.accountId, call.region, path), {
        "ssm:Recursive": String(recursive),
      });
      const prefix = path.endsWith("/") ? path : `${path}/`;
      const found = store
        .inRegion(call.region)
        .filter(
          ({ name }) => name.startsWith(prefix) && (recursive || !name.slice(prefix.length).includes("/")),
        );
      const { items, next } = page(found, call.input, 10);
      return {
        Parameters: items.flatMap((parameter) => {
          const version = parameter.versions.at(-1);
          return version ? [show(parameter, version, call.input, undefined)] : [];
        }),
        ...next,
      };
    },

    PutParameter(call) {
      const name = requiredString(call.input, "Name");
      const value = requiredString(call.input, "Value");
      const overwrite = call.input.Overwrite === true;
      const existing = store.find(name, call.region);
      const arn = existing?.arn ?? parameterArn(cloud.plan.accountId, call.region, name);
      call.authorise("ssm:PutParameter", arn, { "ssm:Overwrite": String(overwrite) });
      if (!/^[A-Za-z0-9_.\-/]{1,1011}$/.test(name))
        throw new AwsError(
          "ValidationException",
          "Name may have letters, digits and the characters _ . - / only.",
        );
      if (existing && !overwrite)
        throw new AwsError(
          "ParameterAlreadyExists",
          "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.",
        );
      const type = stringOf(call.input, "Type") ?? existing?.type;
      if (type !== "String" && type !== "StringList" && type !== "SecureString")
        throw new AwsError("ValidationException", "Type must be String, StringList or SecureString.");
      if (Buffer.byteLength(value) > 8192)
        throw new AwsError("ValidationException", "A parameter's value has at most 8192 bytes.");
      return { Version: store.put({ name, region: call.region, arn, type }, value), Tier: "Standard" };
    },

    DeleteParameter(call) {
      const { arn, parameter } = look(call, requiredString(call.input, "Name"));
      call.authorise("ssm:DeleteParameter", arn);
      if (!parameter) throw new AwsError("ParameterNotFound", "The parameter does not exist.");
      store.remove(parameter);
      return {};
    },

    DeleteParameters(call) {
      const looked = (stringsOf(call.input, "Names") ?? []).map((asked) => ({ asked, ...look(call, asked) }));
      if (looked.length === 0) throw new AwsError("ValidationException", "Names is required.");
      for (const { arn } of looked) call.authorise("ssm:DeleteParameters", arn);
      for (const { parameter } of looked) if (parameter) store.remove(parameter);
      return {
        DeletedParameters: looked.flatMap(({ asked, parameter }) => (parameter ? [asked] : [])),
        InvalidParameters: looked.flatMap(({ asked, parameter }) => (parameter ? [] : [asked])),
      };
    },
  };

  return {
    signingNames: ["ssm"],
    async handle(call) {
      store.load();
      const operation = operations[call.operation];
      if (!operation)
        throw new AwsError(
          "UnknownOperationException",
          `SSM's ${call.operation || "operation"} is not part of this local run; it knows ${Object.keys(operations).join(", ")}.`,
        );
      return { body: operation(call) };
    },
  };
}

function show(
  parameter: Parameter,
  version: ParameterVersion,
  input: Record<string, unknown>,
  selector: string | undefined,
) {
  const encrypted = parameter.type === "SecureString" && input.WithDecryption !== true;
  return {
    Name: parameter.name,
    ARN: parameter.arn,
    Type: parameter.type,
    Value: encrypted ? ciphertext(parameter, version) : version.value,
    Version: version.version,
    DataType: "text",
    LastModifiedDate: version.modifiedAt / 1000,
    ...(selector === undefined ? {} : { Selector: `:${selector}` }),
  };
}

/** Who does not ask for decryption gets what cannot be read, so that a missing flag shows here and not on AWS first. */
function ciphertext(parameter: Parameter, version: ParameterVersion): string {
  const digest = createHash("sha512")
    .update(`${parameter.arn}:${version.version}:${version.modifiedAt}`)
    .digest();
  return `AQICAH${digest.toString("base64")}`;
}
