/**
 * Reads `multipart/form-data` (RFC 7578) as browsers post it to S3: the fields, then the file as a stream. What comes
 * behind the file is not read, as S3 does.
 */
import { Readable } from "node:stream";
import { AwsError } from "../../cloud/errors.ts";

export interface Form {
  /** By name in lower case. */
  fields: Map<string, string>;
  file: {
    /** The file's name on the sender's machine, without its folder. */
    name: string;
    body: Readable;
  };
  /** Lets go of the request: until then nobody else can read what is left of it. */
  close(): Promise<void>;
}

/** Everything before the file. https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html */
const FIELDS_BYTES = 20 * 1024;

/** @throws AwsError MalformedPOSTRequest, MaxPostPreDataLengthExceeded, InvalidArgument, IncompleteBody. */
export async function readForm(body: Readable, contentType: string | undefined): Promise<Form> {
  const boundary = /;\s*boundary=(?:"([^"]+)"|([^\s;]+))/i.exec(contentType ?? "");
  const text = boundary?.[1] ?? boundary?.[2];
  if (!text || !/^multipart\/form-data/i.test(contentType ?? ""))
    throw new AwsError(
      "PreconditionFailed",
      "Bucket POST must be of the enclosure-type multipart/form-data",
      412,
    );
  const chunks = body.iterator({ destroyOnReturn: false });
  const close = async () => void (await chunks.return?.());
  try {
    return { ...(await readParts(new Source(chunks), text)), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function readParts(source: Source, boundary: string): Promise<Omit<Form, "close">> {
  const delimiter = Buffer.from(`\r\n--${boundary}`);
  // The first delimiter has no line before it.
  source.unread(Buffer.from("\r\n"));
  await source.upTo(delimiter, FIELDS_BYTES);

  const fields = new Map<string, string>();
  let left = FIELDS_BYTES;
  for (;;) {
    const end = await source.upTo(Buffer.from("\r\n"), left);
    if (end.toString("latin1").startsWith("--"))
      throw new AwsError("InvalidArgument", "POST requires exactly one file upload per request.", 400, {
        ArgumentName: "file",
        ArgumentValue: "0",
      });
    source.unread(Buffer.from("\r\n"));
    const head = await source.upTo(Buffer.from("\r\n\r\n"), left);
    const { name, fileName } = readDisposition(head.toString("utf8"));
    if (name === "file") {
      const file = Readable.from(source.until(delimiter), { objectMode: false });
      return { fields, file: { name: fileName ?? "", body: file } };
    }
    const value = await source.upTo(delimiter, left);
    left -= head.length + value.length;
    fields.set(name, value.toString("utf8"));
  }
}

function readDisposition(head: string): { name: string; fileName?: string } {
  const line = /^content-disposition:\s*form-data\s*;(.*)$/im.exec(head)?.[1] ?? "";
  const parameter = (name: string) =>
    new RegExp(`(?:^|;)\\s*${name}="((?:[^"\\\\]|\\\\.)*)"`, "i")
      .exec(line)?.[1]
      ?.replace(/\\(["\\])/g, "$1") ?? new RegExp(`(?:^|;)\\s*${name}=([^\\s;"]+)`, "i").exec(line)?.[1];
  const name = parameter("name");
  if (name === undefined) throw malformed();
  const path = parameter("filename");
  const fileName = path?.slice(Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1);
  return { name: name.toLowerCase(), ...(fileName !== undefined && { fileName }) };
}

function malformed(): AwsError {
  return new AwsError(
    "MalformedPOSTRequest",
    "The body of your POST request is not well-formed multipart/form-data.",
  );
}

/** Bytes that have come, and those still to come. */
class Source {
  readonly #chunks: AsyncIterator<Buffer>;
  #held: Buffer = Buffer.alloc(0);

  constructor(chunks: AsyncIterator<Buffer>) {
    this.#chunks = chunks;
  }

  unread(bytes: Buffer) {
    this.#held = Buffer.concat([bytes, this.#held]);
  }

  /** Takes what comes before the mark, and the mark. */
  async upTo(mark: Buffer, limit: number): Promise<Buffer> {
    let from = 0;
    for (;;) {
      const at = this.#held.indexOf(mark, from);
      if ((at < 0 ? this.#held.length - mark.length : at) > limit)
        throw new AwsError(
          "MaxPostPreDataLengthExceeded",
          "Your POST request fields preceding the upload file were too large.",
          400,
          { MaxPostPreDataLengthBytes: FIELDS_BYTES },
        );
      if (at >= 0) {
        const taken = this.#held.subarray(0, at);
        this.#held = this.#held.subarray(at + mark.length);
        return taken;
      }
      from = Math.max(0, this.#held.length - mark.length + 1);
      if (!(await this.#more())) throw malformed();
    }
  }

  /** What comes before the mark, piece by piece. */
  async *until(mark: Buffer): AsyncGenerator<Buffer> {
    for (;;) {
      const at = this.#held.indexOf(mark);
      const sure = at < 0 ? Math.max(0, this.#held.length - mark.length + 1) : at;
      const piece = this.#held.subarray(0, sure);
      this.#held = this.#held.subarray(sure);
      if (piece.length > 0) yield piece;
      if (at >= 0) return;
      if (!(await this.#more()))
        throw new AwsError("IncompleteBody", "The body ended before the form's last boundary.");
    }
  }

  async #more(): Promise<boolean> {
    const { done, value } = await this.#chunks.next();
    if (done) return false;
    this.#held = this.#held.length === 0 ? value : Buffer.concat([this.#held, value]);
    return true;
  }
}
