import { randomInt } from "node:crypto";
import { AwsError } from "../../cloud/errors.ts";
import { stringOf } from "./input.ts";

/** https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetRandomPassword.html */
export function randomPassword(input: Record<string, unknown>): string {
  const excluded = new Set(stringOf(input, "ExcludeCharacters") ?? "");
  const classes = [
    { out: input.ExcludeLowercase, characters: "abcdefghijklmnopqrstuvwxyz" },
    { out: input.ExcludeUppercase, characters: "ABCDEFGHIJKLMNOPQRSTUVWXYZ" },
    { out: input.ExcludeNumbers, characters: "0123456789" },
    { out: input.ExcludePunctuation, characters: "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~" },
    { out: input.IncludeSpace !== true, characters: " " },
  ]
    .filter(({ out }) => out !== true)
    .map(({ characters }) => [...characters].filter((character) => !excluded.has(character)))
    .filter((characters) => characters.length > 0);
  const length = Number(input.PasswordLength ?? 32);
  const all = classes.flat();
  if (!Number.isInteger(length) || length < 1 || length > 4096 || all.length === 0)
    throw new AwsError(
      "InvalidParameterException",
      "A password of that length cannot be made of those characters.",
    );
  const pick = (characters: string[]) => characters[randomInt(characters.length)] ?? "";
  const required = input.RequireEachIncludedType === false ? [] : classes.map(pick);
  const password = [...required, ...Array.from({ length }, () => pick(all))].slice(0, length);
  for (let at = password.length - 1; at > 0; at--) {
    const other = randomInt(at + 1);
    [password[at], password[other]] = [password[other] ?? "", password[at] ?? ""];
  }
  return password.join("");
}
