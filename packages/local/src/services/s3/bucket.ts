/** One bucket: its objects, and what writing and deleting mean in it. */
import { randomBytes } from "node:crypto";
import type { Readable } from "node:stream";
import type { Cloud } from "../../cloud/types.ts";
import type { BucketSpec } from "../../plan/types.ts";
import type { Notifier } from "./notifications.ts";
import { ObjectStore, type StoredObject } from "./objects.ts";
import { type ReceivedBody, receive } from "./receive.ts";

/** Who asks, for the event and the trace. */
export interface Doer {
  principalId: string;
  trace?: string | undefined;
}
type Content = Pick<StoredObject, "headers" | "metadata" | "tags"> &
  Partial<Pick<StoredObject, "storageClass" | "parts" | "checksum">>;

export class Bucket {
  readonly spec: BucketSpec;
  readonly store: ObjectStore;
  readonly #cloud: Cloud;
  readonly #notifier: Notifier;

  constructor(cloud: Cloud, notifier: Notifier, spec: BucketSpec) {
    this.spec = spec;
    this.#cloud = cloud;
    this.#notifier = notifier;
    this.store = new ObjectStore(cloud.state.folder("s3", "buckets", spec.name));
  }

  arn(key: string): string {
    return `${this.spec.arn}/${key}`;
  }
  receive(body: Buffer | Readable, headers?: Record<string, string>): Promise<ReceivedBody> {
    return receive(body, { path: (file) => this.store.path(file), ...(headers && { headers }) });
  }

  /** Makes received bytes an object: from here on it is there, and its event is on its way. */
  commit(
    key: string,
    body: Pick<ReceivedBody, "file" | "size"> & { etag: string },
    content: Content,
    event: string,
    doer: Doer,
  ): StoredObject {
    const object: StoredObject = {
      key,
      versionId: this.spec.versioning ? randomBytes(16).toString("hex") : "null",
      file: body.file,
      size: body.size,
      etag: body.etag,
      modified: this.#cloud.clock.now(),
      ...content,
    };
    this.store.put(object, this.spec.versioning);
    this.#cloud.observer.record("s3.put", this.arn(key), doer.trace, {
      bucket: this.spec.name,
      key,
      size: body.size,
    });
    this.#tell(event, object, doer);
    return object;
  }

  /** Deletes one version, or hides or removes the current one. @returns What the answer names. */
  remove(
    key: string,
    versionId: string | undefined,
    doer: Doer,
  ): { versionId?: string; deleteMarker?: boolean } {
    const versions = this.store.versions(key);
    if (versionId !== undefined) {
      const version = versions.find((one) => one.versionId === versionId);
      if (version) {
        this.store.drop(version);
        this.#tell("ObjectRemoved:Delete", version, doer);
      }
      return { versionId, ...(version?.deleteMarker && { deleteMarker: true }) };
    }
    if (this.spec.versioning) {
      const marker: StoredObject = {
        key,
        versionId: randomBytes(16).toString("hex"),
        deleteMarker: true,
        size: 0,
        etag: "",
        modified: this.#cloud.clock.now(),
        headers: {},
        metadata: {},
        tags: {},
      };
      this.store.put(marker, true);
      this.#tell("ObjectRemoved:DeleteMarkerCreated", marker, doer);
      return { versionId: marker.versionId, deleteMarker: true };
    }
    const [current] = versions;
    if (current) {
      this.store.drop(current);
      this.#tell("ObjectRemoved:Delete", current, doer);
    }
    return {};
  }

  tag(object: StoredObject, tags: Record<string, string>, event: string, doer: Doer): void {
    const tagged = { ...object, tags };
    this.store.update(tagged);
    this.#tell(event, tagged, doer);
  }

  /** What a lifecycle rule removes. */
  expire(object: StoredObject, current: boolean): void {
    const doer = { principalId: "s3.amazonaws.com" };
    if (current && this.spec.versioning) {
      this.remove(object.key, undefined, doer);
      return;
    }
    this.store.drop(object);
    if (current) this.#tell("LifecycleExpiration:Delete", object, doer);
  }

  #tell(name: string, object: StoredObject, doer: Doer) {
    this.#notifier.notify({
      name,
      bucket: this.spec,
      object,
      principalId: doer.principalId,
      trace: doer.trace,
    });
  }
}
