import { createHash } from "node:crypto";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  type CreateMultipartUploadCommandInput,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
  PutObjectCommand,
  UploadPartCommand,
  UploadPartCopyCommand,
} from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createChecksum } from "../../src/front-door/checksums.ts";
import { bucketSpec, planOf, type Services, startServices } from "../support/services.ts";

let services: Services;
let s3: ReturnType<Services["s3Client"]>;
const Bucket = "files";
const MiB = 1024 * 1024;
const big = Buffer.alloc(5 * MiB, "big part ");
const rest = Buffer.from("the rest");

beforeAll(async () => {
  services = await startServices(planOf({ buckets: [bucketSpec(Bucket)] }));
  s3 = services.s3Client();
});
afterAll(() => services.stop());

async function begin(Key: string, more: Partial<CreateMultipartUploadCommandInput> = {}) {
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key, ...more }));
  return { Bucket, Key, UploadId };
}
type Upload = Awaited<ReturnType<typeof begin>>;
const part = (upload: Upload, PartNumber: number, Body: Buffer, more: object = {}) =>
  s3.send(new UploadPartCommand({ ...upload, PartNumber, Body, ...more }));
const complete = (upload: Upload, Parts: CompletedPart[], more: object = {}) =>
  s3.send(new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts }, ...more }));
const read = async (Key: string, more: object = {}) =>
  Buffer.from(
    (await (await s3.send(new GetObjectCommand({ Bucket, Key, ...more }))).Body?.transformToByteArray()) ??
      [],
  );
const files = () => readdirSync(join(services.folder, "s3", "buckets", Bucket)).length;
const md5 = (...parts: Buffer[]) => createHash("md5").update(Buffer.concat(parts)).digest();

describe("an upload in parts", () => {
  test("becomes one object, in the order of its parts, with what it was begun with", async () => {
    const before = files();
    const upload = await begin("joined", {
      ContentType: "text/x",
      Metadata: { a: "1" },
      Tagging: "t=1",
      StorageClass: "STANDARD_IA",
    });
    const second = await part(upload, 7, rest);
    const first = await part(upload, 2, big);
    await expect(read("joined")).rejects.toMatchObject({ name: "NoSuchKey" });
    const done = await complete(upload, [
      { PartNumber: 2, ETag: first.ETag },
      { PartNumber: 7, ETag: second.ETag },
    ]);
    expect(done.ETag).toBe(`"${md5(md5(big), md5(rest)).toString("hex")}-2"`);
    expect((await read("joined")).equals(Buffer.concat([big, rest]))).toBe(true);
    expect(await s3.send(new HeadObjectCommand({ Bucket, Key: "joined" }))).toMatchObject({
      ContentType: "text/x",
      Metadata: { a: "1" },
      StorageClass: "STANDARD_IA",
      ETag: done.ETag,
    });
    expect(files()).toBe(before + 1);
    await expect(complete(upload, [{ PartNumber: 2, ETag: first.ETag }])).rejects.toMatchObject({
      name: "NoSuchUpload",
    });
  });

  test("gives back each of its parts by number, and ranges across them", async () => {
    const upload = await begin("ranged");
    const etags = [await part(upload, 1, big), await part(upload, 2, rest)];
    await complete(
      upload,
      etags.map(({ ETag }, at) => ({ PartNumber: at + 1, ETag })),
    );
    const second = await s3.send(new GetObjectCommand({ Bucket, Key: "ranged", PartNumber: 2 }));
    expect(second).toMatchObject({ PartsCount: 2, ContentLength: rest.length });
    expect(await second.Body?.transformToString()).toBe("the rest");
    const across = await read("ranged", { Range: `bytes=${big.length - 2}-${big.length + 2}` });
    expect(across.toString()).toBe(big.subarray(-2).toString() + rest.subarray(0, 3).toString());
    await expect(read("ranged", { PartNumber: 3 })).rejects.toMatchObject({ name: "InvalidPartNumber" });
  });

  test("takes a part anew, and leaves out what is not named at the end", async () => {
    const upload = await begin("anew");
    await part(upload, 1, Buffer.from("wrong"));
    const { ETag } = await part(upload, 1, Buffer.from("right"));
    await part(upload, 2, Buffer.from("unused"));
    const before = files();
    await complete(upload, [{ PartNumber: 1, ETag }]);
    expect((await read("anew")).toString()).toBe("right");
    expect(files()).toBe(before - 1);
  });

  test("copies parts from other objects", async () => {
    await s3.send(new PutObjectCommand({ Bucket, Key: "from", Body: "0123456789" }));
    const upload = await begin("copied");
    const { CopyPartResult } = await s3.send(
      new UploadPartCopyCommand({
        ...upload,
        PartNumber: 1,
        CopySource: `${Bucket}/from`,
        CopySourceRange: "bytes=2-5",
      }),
    );
    await complete(upload, [{ PartNumber: 1, ETag: CopyPartResult?.ETag }]);
    expect((await read("copied")).toString()).toBe("2345");
  });

  test("is listed with its parts, page by page, and gone when it is aborted, files and all", async () => {
    const before = files();
    const upload = await begin("aborted/1");
    for (const number of [1, 2, 3]) await part(upload, number, Buffer.from(String(number)));
    const { Uploads } = await s3.send(new ListMultipartUploadsCommand({ Bucket, Prefix: "aborted/" }));
    expect(Uploads).toMatchObject([{ Key: "aborted/1", UploadId: upload.UploadId }]);
    const page = await s3.send(new ListPartsCommand({ ...upload, MaxParts: 2 }));
    expect(page).toMatchObject({ IsTruncated: true, Parts: [{ PartNumber: 1 }, { PartNumber: 2 }] });
    const last = await s3.send(
      new ListPartsCommand({ ...upload, PartNumberMarker: page.NextPartNumberMarker }),
    );
    expect(last).toMatchObject({ IsTruncated: false, Parts: [{ PartNumber: 3 }] });
    await s3.send(new AbortMultipartUploadCommand(upload));
    expect(files()).toBe(before);
    await expect(part(upload, 1, rest)).rejects.toMatchObject({ name: "NoSuchUpload" });
    await expect(s3.send(new ListPartsCommand({ ...upload, Key: "aborted/2" }))).rejects.toMatchObject({
      name: "NoSuchUpload",
    });
  });

  test("is refused with parts that are missing, out of order, too small, or numbered wrongly", async () => {
    const upload = await begin("refused");
    const [one, two] = [await part(upload, 1, rest), await part(upload, 2, rest)];
    const Parts = [
      { PartNumber: 1, ETag: one.ETag },
      { PartNumber: 2, ETag: two.ETag },
    ];
    await expect(complete(upload, Parts)).rejects.toMatchObject({ name: "EntityTooSmall" });
    await expect(complete(upload, Parts.toReversed())).rejects.toMatchObject({
      name: expect.stringMatching(/EntityTooSmall|InvalidPartOrder/),
    });
    await expect(complete(upload, [{ PartNumber: 3, ETag: one.ETag }])).rejects.toMatchObject({
      name: "InvalidPart",
    });
    await expect(complete(upload, [{ PartNumber: 1, ETag: '"0"' }])).rejects.toMatchObject({
      name: "InvalidPart",
    });
    await expect(complete(upload, [])).rejects.toMatchObject({ name: "MalformedXML" });
    for (const number of [0, 10_001])
      await expect(part(upload, number, rest)).rejects.toMatchObject({ name: "InvalidArgument" });
  });

  test("keeps to its condition at the end", async () => {
    await s3.send(new PutObjectCommand({ Bucket, Key: "taken", Body: "first" }));
    const upload = await begin("taken");
    const { ETag } = await part(upload, 1, rest);
    await expect(complete(upload, [{ PartNumber: 1, ETag }], { IfNoneMatch: "*" })).rejects.toMatchObject({
      name: "PreconditionFailed",
    });
    expect((await read("taken")).toString()).toBe("first");
  });
});

describe("the checksum of an upload in parts", () => {
  const sum = (header: string, ...parts: Buffer[]) => {
    const checksum = createChecksum(header);
    for (const one of parts) checksum?.update(one);
    return checksum?.digest() ?? "";
  };
  test("is of the parts' checksums", async () => {
    const upload = await begin("composite", { ChecksumAlgorithm: "SHA256" });
    const ChecksumAlgorithm = "SHA256";
    const parts = [
      await part(upload, 1, big, { ChecksumAlgorithm }),
      await part(upload, 2, rest, { ChecksumAlgorithm }),
    ];
    const done = await complete(
      upload,
      parts.map(({ ETag, ChecksumSHA256 }, at) => ({ PartNumber: at + 1, ETag, ChecksumSHA256 })),
    );
    const header = "x-amz-checksum-sha256";
    const digests = [big, rest].map((one) => Buffer.from(sum(header, one), "base64"));
    expect(done).toMatchObject({ ChecksumSHA256: `${sum(header, ...digests)}-2`, ChecksumType: "COMPOSITE" });
  });
  test("is of the whole object where that was asked for", async () => {
    for (const ChecksumAlgorithm of ["CRC32", "CRC64NVME"] as const) {
      const upload = await begin("whole", { ChecksumAlgorithm, ChecksumType: "FULL_OBJECT" });
      const parts = [
        await part(upload, 1, big, { ChecksumAlgorithm }),
        await part(upload, 2, rest, { ChecksumAlgorithm }),
      ];
      const done = await complete(
        upload,
        parts.map(({ ETag }, at) => ({ PartNumber: at + 1, ETag })),
      );
      expect(done).toMatchObject({
        [`Checksum${ChecksumAlgorithm}`]: sum(`x-amz-checksum-${ChecksumAlgorithm.toLowerCase()}`, big, rest),
        ChecksumType: "FULL_OBJECT",
      });
    }
    await expect(
      begin("whole", { ChecksumAlgorithm: "SHA256", ChecksumType: "FULL_OBJECT" }),
    ).rejects.toMatchObject({ name: "InvalidRequest" });
  });
});
