/** What a bucket holds: the index in memory and in a journal, the bytes in files. */
import { createReadStream, existsSync, openSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { type Journal, openJournal } from "../../cloud/journal.ts";
import type { Notice } from "./events.ts";
import { KeyList } from "./keys.ts";

/** One version of an object, or a delete marker. */
export interface StoredObject {
  key: string;
  /** `null` where the bucket has no versions. */
  versionId: string;
  deleteMarker?: true;
  /** Name of the file with the bytes; undefined for delete markers. */
  file?: string;
  size: number;
  /** With its quotes. */
  etag: string;
  /** Milliseconds of the local clock. */
  modified: number;
  /** content-type, cache-control ... as they are given back. */
  headers: Record<string, string>;
  /** User metadata, without `x-amz-meta-`. */
  metadata: Record<string, string>;
  tags: Record<string, string>;
  /** `composite`: of the parts' checksums. */
  checksum?: { header: string; value: string; composite?: true };
  /** Sizes of the parts of a multipart upload, in their order. */
  parts?: number[];
  storageClass?: string;
}

export interface Upload {
  id: string;
  key: string;
  started: number;
  template: Pick<StoredObject, "headers" | "metadata" | "tags" | "storageClass"> & {
    checksumHeader?: string;
    /** Of the whole object, where it is not one of the parts' checksums. */
    fullChecksum?: true;
  };
  parts: Map<number, StoredPart>;
}
export interface StoredPart {
  file: string;
  size: number;
  etag: string;
  modified: number;
  /** Base64. */
  checksum?: string;
}

/** A change and the notices of it are one line: a kill leaves both or neither. */
type Line =
  | { put: StoredObject; notices?: Notice[] }
  | { drop: [key: string, versionId: string]; notices?: Notice[] }
  | { notices: Notice[] }
  | { told: string }
  | { upload: Omit<Upload, "parts"> }
  | { part: [uploadId: string, number: number, part: StoredPart] }
  | { end: string };

/**
 * Everything is found in memory: get and put cost O(log n) in the number of keys, a listing O(log n + page).
 * About 500 bytes of memory an object.
 */
export class ObjectStore {
  readonly keys = new KeyList();
  readonly #versions = new Map<string, StoredObject[]>();
  readonly #uploads = new Map<string, Upload>();
  /** Not yet delivered. */
  readonly #notices = new Map<string, Notice>();
  readonly #folder: string;
  readonly #journal: Journal;
  #count = 0;

  /** @param folder Made by the caller; holds `index.jsonl` and the files. */
  constructor(folder: string) {
    this.#folder = folder;
    this.#journal = openJournal(join(folder, "index.jsonl"), {
      replay: (line) => this.#apply(line as Line),
      snapshot: () => this.#snapshot(),
      live: () => this.#count + this.#uploads.size + this.#notices.size,
    });
    this.#removeOrphans();
  }

  path(file: string): string {
    return join(this.#folder, file);
  }
  /** Opened at once: what is overwritten or deleted from now on is still read to its end. */
  read(file: string, range?: { start: number; end: number }): Readable {
    return createReadStream("", { fd: openSync(this.path(file), "r"), ...(range ?? { start: 0 }) });
  }
  /** The current version: undefined when there is none or a delete marker hides it. */
  current(key: string): StoredObject | undefined {
    const [newest] = this.#versions.get(key) ?? [];
    return newest?.deleteMarker ? undefined : newest;
  }
  /** Every version of a key, the newest first. */
  versions(key: string): readonly StoredObject[] {
    return this.#versions.get(key) ?? [];
  }
  /** @param keepOlder In buckets with versions; else what was there goes. */
  put(object: StoredObject, keepOlder: boolean, notices: Notice[]): void {
    const replaced = this.versions(object.key).filter(
      (version) => !keepOlder || version.versionId === object.versionId,
    );
    this.#write(
      change({ put: object }, notices),
      ...replaced.filter((version) => version.versionId !== object.versionId).map(dropLine),
    );
    for (const old of replaced) this.#removeFile(old);
  }
  /** Changes what is kept about a version (tags), not its bytes. */
  update(object: StoredObject, notices: Notice[]): void {
    this.#write(change({ put: object }, notices));
  }
  drop(object: StoredObject, notices: Notice[]): void {
    this.#write(change(dropLine(object), notices));
    this.#removeFile(object);
  }

  notices(): Notice[] {
    return [...this.#notices.values()];
  }
  /** Keeps notices that come with no change. */
  keep(notices: Notice[]): void {
    if (notices.length > 0) this.#write({ notices });
  }
  /** A notice has been delivered, or given up. */
  told(noticeId: string): void {
    this.#write({ told: noticeId });
  }

  /** Removes received bytes that do not become an object after all. */
  discard(file: string): void {
    if (file !== "") rmSync(this.path(file), { force: true });
  }
  all(): Iterable<readonly StoredObject[]> {
    return this.#versions.values();
  }

  uploads(): Upload[] {
    return [...this.#uploads.values()];
  }
  upload(id: string): Upload | undefined {
    return this.#uploads.get(id);
  }
  begin(upload: Upload): void {
    const { parts: _, ...rest } = upload;
    this.#write({ upload: rest });
  }
  addPart(id: string, number: number, part: StoredPart): void {
    const old = this.#uploads.get(id)?.parts.get(number);
    this.#write({ part: [id, number, part] });
    if (old) rmSync(this.path(old.file), { force: true });
  }
  /** Ends an upload and removes the files of its parts. */
  endUpload(id: string): void {
    const files = [...(this.#uploads.get(id)?.parts.values() ?? [])].map((part) => part.file);
    this.#write({ end: id });
    for (const file of files) rmSync(this.path(file), { force: true });
  }
  close(): void {
    this.#journal.close();
  }

  #write(...lines: Line[]) {
    this.#journal.append(...lines);
    for (const line of lines) this.#apply(line);
  }

  #apply(line: Line) {
    if ("notices" in line && line.notices)
      for (const notice of line.notices) this.#notices.set(notice.id, notice);
    if ("put" in line) {
      const { key, versionId } = line.put;
      const others = (this.#versions.get(key) ?? []).filter((version) => version.versionId !== versionId);
      const known = this.#versions.get(key)?.length ?? 0;
      const at = (this.#versions.get(key) ?? []).findIndex((version) => version.versionId === versionId);
      // A version that is there already is changed in its place (tags); a new one comes first.
      const list = at < 0 ? [line.put, ...others] : [...others.slice(0, at), line.put, ...others.slice(at)];
      this.#versions.set(key, list);
      this.#count += list.length - known;
      this.keys.add(key);
    } else if ("drop" in line) {
      const [key, versionId] = line.drop;
      const before = this.#versions.get(key) ?? [];
      const left = before.filter((version) => version.versionId !== versionId);
      this.#count -= before.length - left.length;
      if (left.length > 0) this.#versions.set(key, left);
      else {
        this.#versions.delete(key);
        this.keys.delete(key);
      }
    } else if ("upload" in line) this.#uploads.set(line.upload.id, { ...line.upload, parts: new Map() });
    else if ("part" in line) this.#uploads.get(line.part[0])?.parts.set(line.part[1], line.part[2]);
    else if ("end" in line) this.#uploads.delete(line.end);
    else if ("told" in line) this.#notices.delete(line.told);
  }

  *#snapshot(): Iterable<Line> {
    // Oldest first: replaying puts each in front.
    for (const versions of this.#versions.values())
      for (const object of versions.toReversed()) yield { put: object };
    for (const { parts, ...upload } of this.#uploads.values()) {
      yield { upload };
      for (const [number, part] of parts) yield { part: [upload.id, number, part] };
    }
    for (const notice of this.#notices.values()) yield { notices: [notice] };
  }

  /** A process that was killed between writing bytes and the journal leaves files that nothing names. */
  #removeOrphans() {
    const named = new Set(["index.jsonl"]);
    for (const versions of this.#versions.values())
      for (const { file } of versions) if (file) named.add(file);
    for (const upload of this.#uploads.values())
      for (const { file } of upload.parts.values()) named.add(file);
    for (const file of existsSync(this.#folder) ? readdirSync(this.#folder) : [])
      if (!named.has(file)) rmSync(this.path(file), { force: true });
  }

  #removeFile(object: StoredObject) {
    if (object.file) rmSync(this.path(object.file), { force: true });
  }
}

function dropLine(object: StoredObject): { drop: [key: string, versionId: string] } {
  return { drop: [object.key, object.versionId] };
}
function change<T extends Line>(line: T, notices: Notice[]): T {
  return notices.length > 0 ? { ...line, notices } : line;
}
