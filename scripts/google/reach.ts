/** How the checks reach Google: over HTTPS, or over a server on loopback in Google's place. */

export interface Answer {
  status: number;
  location: string | undefined;
  /** Parsed where it is JSON. */
  body: unknown;
}
export type Reach = (
  url: string,
  init?: { method?: string; headers?: Record<string, string>; body?: URLSearchParams },
) => Promise<Answer>;

const TIMEOUT_MS = 10_000;

/**
 * @param origin Stands for every host: `https://host/path` is asked for as `<origin>/host/path`.
 * @returns Rejects with an error that names the host when it cannot be reached.
 */
export function reachGoogle(origin?: string): Reach {
  return async (url, init = {}) => {
    const { host } = new URL(url);
    try {
      const response = await fetch(origin ? url.replace("https:/", origin) : url, {
        ...init,
        redirect: "manual",
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      const text = await response.text();
      return {
        status: response.status,
        location: response.headers.get("location") ?? undefined,
        body: parse(text),
      };
    } catch (error) {
      const { cause, message } = error as Error & { cause?: { code?: string } };
      throw new Error(`cannot reach ${host}: ${cause?.code ?? message}`);
    }
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A member of an answer, whatever the answer is. */
export function member(value: unknown, ...path: (string | number)[]): unknown {
  let at = value;
  for (const key of path)
    at = typeof at === "object" && at !== null ? (at as Record<string | number, unknown>)[key] : undefined;
  return at;
}
