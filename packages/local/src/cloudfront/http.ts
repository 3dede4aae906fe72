/** Requests and answers as they go through a distribution. */
import type { Readable } from "node:stream";
import type { StoredBody } from "./cache.ts";

/** By name in lower case; several values where they may not be joined (set-cookie). */
export type Headers = Record<string, string | string[]>;

export interface ViewerRequest {
  /** `x-amz-cf-id` */
  id: string;
  method: string;
  /** Percent-encoded, as sent; a function may change it. */
  uri: string;
  /** Without `?`. */
  query: string;
  headers: Record<string, string>;
  ip: string;
  https: boolean;
  body: Readable;
}

export interface Answer {
  status: number;
  headers: Headers;
  body: Buffer | Readable | StoredBody;
  /** Bytes of the body, where they are known. */
  size?: number;
  /** Value of `x-cache` before ` from cloudfront`. */
  cache: "Hit" | "Miss" | "RefreshHit" | "Error" | "Redirect" | "FunctionGeneratedResponse";
}

/** Belong to one hop. */
const hop = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);
export function isHopHeader(name: string): boolean {
  return hop.has(name);
}

/** Pairs of a `Cookie` header, in their order. */
export function readCookies(header: string | undefined): [name: string, value: string][] {
  return (header ?? "").split(";").flatMap((part): [string, string][] => {
    const equals = part.indexOf("=");
    return equals < 0 ? [] : [[part.slice(0, equals).trim(), part.slice(equals + 1).trim()]];
  });
}

/** A refusal of CloudFront's own, as a page. */
export function ownError(status: number, message: string): Answer {
  const text = `<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01 Transitional//EN" "http://www.w3.org/TR/html4/loose.dtd">
<HTML><HEAD><TITLE>ERROR: The request could not be satisfied</TITLE></HEAD><BODY>
<H1>${status} ERROR</H1><H2>The request could not be satisfied.</H2><HR>${message}</BODY></HTML>
`;
  return {
    status,
    headers: { "content-type": "text/html", server: "CloudFront" },
    body: Buffer.from(text),
    cache: "Error",
  };
}

/** A refusal of a signature, as a document. */
export function ownDenial(code: string, message: string): Answer {
  const text = `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>${message}</Message></Error>`;
  return {
    status: 403,
    headers: { "content-type": "text/xml", server: "CloudFront" },
    body: Buffer.from(text),
    cache: "Error",
  };
}
