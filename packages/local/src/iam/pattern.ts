/**
 * Wildcard patterns of IAM policies: `*` is any run of characters, `?` is one character, `${key}` is a policy
 * variable, and `${*}`, `${?}`, `${$}` are those characters themselves.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
 */

/** Values of a request's condition keys; the keys are in lower case. */
export type Context = ReadonlyMap<string, readonly string[]>;

export interface Matcher {
  matches(text: string, context: Context): boolean;
}

const ANY = -1;
const ONE = -2;
type Wildcard = typeof ANY | typeof ONE;
interface Variable {
  key: string;
  fallback?: string;
}
type Token = string | Wildcard | Variable;

interface PatternOptions {
  /** Only policies of version 2012-10-17 know variables; elsewhere `${` is text. */
  variables: boolean;
  wildcards: boolean;
  ignoreCase?: boolean;
}

/** A pattern for one string. */
export function compilePattern(source: string, options: PatternOptions): Matcher {
  return compileTokens(tokenise(source, options), options.ignoreCase ?? false);
}

/**
 * A pattern for an ARN. Its six parts are compared one by one, so a `*` in the region cannot swallow the account;
 * only in the resource part, or at the end of a shortened pattern such as `arn:aws:sqs:*`, does it cross colons.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
 */
export function compileArnPattern(source: string, variables: boolean): Matcher {
  const tokens = tokenise(source, { variables, wildcards: true });
  const parts = splitParts(tokens);
  const head = parts.slice(0, 5);
  // Without a wildcard or variable before the resource part, one comparison over the whole text says the same.
  if (parts.length === 6 && head.every((part) => part.every((token) => typeof token === "string")))
    return compileTokens(tokens, false);
  const mayCross = parts.length === 6 || parts.at(-1)?.at(-1) === ANY;
  const matchers = parts.map((part) => compileTokens(part, false));
  return {
    matches(text, context) {
      const values = splitText(text, matchers.length);
      if (values.length !== matchers.length) return false;
      if (!mayCross && values.at(-1)?.includes(":")) return false;
      return matchers.every((matcher, at) => matcher.matches(values[at] ?? "", context));
    },
  };
}

/** Replaces the variables of a text; undefined when one has no single value in the request and no default. */
export function substitute(source: string, variables: boolean, context: Context): string | undefined {
  if (!variables || !source.includes("${")) return source;
  let text = "";
  for (const token of tokenise(source, { variables, wildcards: false })) {
    const piece = typeof token === "string" ? token : typeof token === "object" ? value(token, context) : "";
    if (piece === undefined) return undefined;
    text += piece;
  }
  return text;
}

/** The condition keys, in lower case, that a text takes as variables. */
export function variablesIn(source: string): string[] {
  return tokenise(source, { variables: true, wildcards: false }).flatMap((token) =>
    typeof token === "object" ? [token.key] : [],
  );
}

function tokenise(source: string, { variables, wildcards }: PatternOptions): Token[] {
  const tokens: Token[] = [];
  let text = "";
  const flush = () => {
    if (text) tokens.push(text);
    text = "";
  };
  for (let at = 0; at < source.length; at++) {
    const character = source.charAt(at);
    const end = variables && character === "$" && source[at + 1] === "{" ? source.indexOf("}", at) : -1;
    if (end > 0) {
      const inner = source.slice(at + 2, end);
      if (inner === "*" || inner === "?" || inner === "$") text += inner;
      else {
        flush();
        tokens.push(variable(inner));
      }
      at = end;
    } else if (wildcards && (character === "*" || character === "?")) {
      flush();
      if (character === "?") tokens.push(ONE);
      else if (tokens.at(-1) !== ANY) tokens.push(ANY);
    } else text += character;
  }
  flush();
  return tokens;
}

/** `aws:username` or, with a default, `aws:PrincipalTag/team, 'none'`. */
function variable(inner: string): Variable {
  const comma = inner.indexOf(",");
  if (comma < 0) return { key: inner.trim().toLowerCase() };
  const fallback = inner.slice(comma + 1).trim();
  return { key: inner.slice(0, comma).trim().toLowerCase(), fallback: fallback.replace(/^'(.*)'$/, "$1") };
}

/** A variable stands for one value; a key with several has none to give. */
function value(token: Variable, context: Context): string | undefined {
  const values = context.get(token.key);
  return values?.length === 1 ? values[0] : token.fallback;
}

function compileTokens(tokens: Token[], ignoreCase: boolean): Matcher {
  const fold = (text: string) => (ignoreCase ? text.toLowerCase() : text);
  if (tokens.some((token) => typeof token === "object"))
    return {
      matches(text, context) {
        const units: number[] = [];
        for (const token of tokens) {
          // What a variable brings is text: a `*` in a tag or a session name must not become a wildcard.
          const piece = typeof token === "object" ? value(token, context) : token;
          if (piece === undefined) return false;
          pushUnits(units, typeof piece === "string" ? fold(piece) : piece);
        }
        return glob(units, fold(text));
      },
    };
  const first = tokens[0] ?? "";
  if (tokens.length === 1 && first === ANY) return { matches: () => true };
  if (tokens.length <= 1 && typeof first === "string") {
    const exact = fold(first);
    return { matches: (text) => fold(text) === exact };
  }
  if (tokens.length === 2 && typeof first === "string" && tokens[1] === ANY) {
    const prefix = fold(first);
    return { matches: (text) => fold(text).startsWith(prefix) };
  }
  const units: number[] = [];
  for (const token of tokens)
    if (typeof token !== "object") pushUnits(units, typeof token === "string" ? fold(token) : token);
  return { matches: (text) => glob(units, fold(text)) };
}

function pushUnits(units: number[], piece: string | Wildcard) {
  if (typeof piece === "number") units.push(piece);
  else for (let at = 0; at < piece.length; at++) units.push(piece.charCodeAt(at));
}

/** Remembers only the last `*`, so a hostile pattern costs at most length × length. */
function glob(pattern: number[], text: string): boolean {
  let at = 0;
  let star = -1;
  let resume = 0;
  let position = 0;
  while (position < text.length) {
    const unit = pattern[at];
    if (unit === ANY) {
      star = at++;
      resume = position;
    } else if (unit === ONE || unit === text.charCodeAt(position)) {
      at++;
      position++;
    } else if (star >= 0) {
      at = star + 1;
      position = ++resume;
    } else return false;
  }
  while (pattern[at] === ANY) at++;
  return at === pattern.length;
}

function splitParts(tokens: Token[]): Token[][] {
  let part: Token[] = [];
  const parts = [part];
  for (const token of tokens) {
    if (typeof token !== "string") {
      part.push(token);
      continue;
    }
    let text = token;
    while (parts.length < 6) {
      const colon = text.indexOf(":");
      if (colon < 0) break;
      if (colon > 0) part.push(text.slice(0, colon));
      part = [];
      parts.push(part);
      text = text.slice(colon + 1);
    }
    if (text) part.push(text);
  }
  return parts;
}

function splitText(text: string, count: number): string[] {
  const parts: string[] = [];
  let from = 0;
  while (parts.length < count - 1) {
    const colon = text.indexOf(":", from);
    if (colon < 0) break;
    parts.push(text.slice(from, colon));
    from = colon + 1;
  }
  parts.push(text.slice(from));
  return parts;
}
