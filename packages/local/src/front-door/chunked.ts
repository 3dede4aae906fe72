/**
 * Bodies in the encoding `aws-chunked`: chunks with their sizes, each signed or none, then trailing headers.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
 */
import { createHash, type Hash } from "node:crypto";
import { Transform, type TransformCallback } from "node:stream";
import { AwsError } from "../cloud/errors.ts";
import { EMPTY_HASH, sha256 } from "./canonical.ts";
import { type Checksum, createChecksum } from "./checksums.ts";
import { hmac, sameBytes, signatureMismatch } from "./sigv4.ts";

/** What the chunks of a signed stream are signed with. */
export interface ChunkSigning {
  key: Buffer;
  date: string;
  scope: string;
  /** Signature of the request's headers: the first link of the chain. */
  seed: string;
}
export interface ChunkedOptions {
  /** Absent: the chunks carry no signatures. */
  signing: ChunkSigning | undefined;
  /** Names announced by `x-amz-trailer`, lower case. */
  trailers: string[];
  /** `x-amz-decoded-content-length`, in bytes. */
  decodedLength: number | undefined;
  /** Called before the end with the trailing headers, which have been checked. */
  onTrailers(trailers: Record<string, string>): void;
}

type State = "size" | "data" | "dataEnd" | "trailer" | "done";
const LONGEST_LINE = 8192;

/**
 * Decodes as a stream and keeps no chunk in memory. Data goes on before its signature is known; a chunk or trailer
 * that does not fit ends the stream with an AwsError, so a reader must not commit before the end.
 */
export class ChunkedDecoder extends Transform {
  readonly #options: ChunkedOptions;
  readonly #checksums = new Map<string, Checksum>();
  #state: State = "size";
  #line: Buffer[] = [];
  #lineLength = 0;
  #left = 0;
  #decoded = 0;
  #last = false;
  #hash: Hash | undefined;
  #signature = "";
  #previous: string;
  readonly #trailers: Record<string, string> = {};

  constructor(options: ChunkedOptions) {
    super();
    this.#options = options;
    this.#previous = options.signing?.seed ?? "";
    for (const name of options.trailers) {
      const checksum = createChecksum(name);
      if (checksum) this.#checksums.set(name, checksum);
    }
  }

  override _transform(input: Buffer, _encoding: BufferEncoding, done: TransformCallback) {
    try {
      this.#feed(input);
      done();
    } catch (error) {
      done(error as Error);
    }
  }

  override _flush(done: TransformCallback) {
    done(this.#state === "done" ? null : incomplete());
  }

  #feed(input: Buffer) {
    let at = 0;
    while (at < input.length) {
      if (this.#state === "done") throw malformed("there are bytes after the last chunk");
      if (this.#state === "data") {
        const data = input.subarray(at, at + this.#left);
        at += data.length;
        this.#data(data);
        continue;
      }
      const newline = input.indexOf(10, at);
      const end = newline < 0 ? input.length : newline + 1;
      this.#line.push(input.subarray(at, end));
      this.#lineLength += end - at;
      at = end;
      if (this.#lineLength > LONGEST_LINE) throw malformed("a chunk's header is too long");
      if (newline < 0) continue;
      const line = Buffer.concat(this.#line)
        .toString("latin1")
        .replace(/\r?\n$/, "");
      this.#line = [];
      this.#lineLength = 0;
      this.#readLine(line);
    }
  }

  #readLine(line: string) {
    if (this.#state === "size") return this.#startChunk(line);
    if (this.#state === "dataEnd") {
      if (line !== "") throw malformed("a chunk is longer than its size");
      this.#state = "size";
      return;
    }
    if (line !== "") {
      const colon = line.indexOf(":");
      if (colon < 1) throw malformed("a trailer has no name");
      this.#trailers[line.slice(0, colon).trim().toLowerCase()] = line.slice(colon + 1).trim();
      return;
    }
    this.#finish();
  }

  #startChunk(line: string) {
    const [size = "", ...extensions] = line.split(";");
    if (!/^[0-9a-fA-F]{1,12}$/.test(size)) throw malformed("a chunk's size is not hexadecimal");
    this.#left = Number.parseInt(size, 16);
    this.#last = this.#left === 0;
    if (this.#options.signing) {
      const extension = extensions.find((one) => one.startsWith("chunk-signature="));
      if (!extension) throw signatureMismatch();
      this.#signature = extension.slice("chunk-signature=".length);
      this.#hash = createHash("sha256");
    }
    this.#state = "data";
    if (this.#last) this.#endChunk();
  }

  #data(data: Buffer) {
    this.#left -= data.length;
    this.#decoded += data.length;
    this.#hash?.update(data);
    for (const checksum of this.#checksums.values()) checksum.update(data);
    this.push(data);
    if (this.#left === 0) this.#endChunk();
  }

  #endChunk() {
    const { signing } = this.#options;
    if (signing && this.#hash) {
      const text = `AWS4-HMAC-SHA256-PAYLOAD\n${signing.date}\n${signing.scope}\n${this.#previous}\n${EMPTY_HASH}\n${this.#hash.digest("hex")}`;
      this.#check(signing, text, this.#signature);
    }
    this.#state = this.#last ? "trailer" : "dataEnd";
  }

  #check(signing: ChunkSigning, text: string, given: string) {
    if (!sameBytes(hmac(signing.key, text), Buffer.from(given, "hex"))) throw signatureMismatch();
    this.#previous = given;
  }

  #finish() {
    const { signing, decodedLength, trailers: announced } = this.#options;
    const { "x-amz-trailer-signature": signature, ...trailers } = this.#trailers;
    if (signing && announced.length > 0) {
      const text = Object.entries(trailers)
        .map(([name, value]) => `${name}:${value}\n`)
        .join("");
      this.#check(
        signing,
        `AWS4-HMAC-SHA256-TRAILER\n${signing.date}\n${signing.scope}\n${this.#previous}\n${sha256(text)}`,
        signature ?? "",
      );
    }
    for (const name of announced)
      if (trailers[name] === undefined) throw malformed(`the trailer ${name} is announced and missing`);
    for (const [name, checksum] of this.#checksums)
      if (trailers[name] !== checksum.digest())
        throw new AwsError("BadDigest", `The ${name} you specified did not match the calculated checksum.`);
    if (decodedLength !== undefined && decodedLength !== this.#decoded) throw incomplete();
    this.#state = "done";
    this.#options.onTrailers(trailers);
  }
}

function malformed(what: string): AwsError {
  return new AwsError("InvalidRequest", `The aws-chunked body is malformed: ${what}.`);
}
function incomplete(): AwsError {
  return new AwsError(
    "IncompleteBody",
    "You did not provide the number of bytes specified by the Content-Length HTTP header.",
  );
}
