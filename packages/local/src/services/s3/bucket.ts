/** One bucket: its objects, and what writing and deleting mean in it. */
import { randomBytes } from "node:crypto";
import type { Readable } from "node:stream";
import type { Cloud } from "../../cloud/types.ts";
import type { BucketSpec } from "../../plan/types.ts";
import { composeNotices, type Notice } from "./events.ts";
import type { Notifier } from "./notifications.ts";
import { ObjectStore, type StoredObject } from "./objects.ts";
import { type ReceivedBody, type ReceiveOptions, receive } from "./receive.ts";

/** Who asks, for the event and the trace. */
export interface Doer {
  principalId: string;
  sourceIp: string;
  trace?: string | undefined;
}
type Content = Pick<StoredObject, "headers" | "metadata" | "tags"> &
  Partial<Pick<StoredObject, "storageClass" | "parts" | "checksum">>;

const lifecycle: Doer = { principalId: "s3.amazonaws.com", sourceIp: "s3.amazonaws.com" };

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
  receive(body: Buffer | Readable, options: Omit<ReceiveOptions, "path"> = {}): Promise<ReceivedBody> {
    return receive(body, { ...options, path: (file) => this.store.path(file) });
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
      versionId: this.spec.versioning ? newVersion() : "null",
      file: body.file,
      size: body.size,
      etag: body.etag,
      modified: this.#cloud.clock.now(),
      ...content,
    };
    this.#change(event, object, doer, (notices) => this.store.put(object, this.spec.versioning, notices));
    this.#cloud.observer.record("s3.put", this.arn(key), doer.trace, {
      bucket: this.spec.name,
      key,
      size: body.size,
    });
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
      if (version) this.#drop("ObjectRemoved:Delete", version, doer);
      return { versionId, ...(version?.deleteMarker && { deleteMarker: true }) };
    }
    if (this.spec.versioning) {
      const marker = this.#hide("ObjectRemoved:DeleteMarkerCreated", key, doer);
      return { versionId: marker.versionId, deleteMarker: true };
    }
    const [current] = versions;
    if (current) this.#drop("ObjectRemoved:Delete", current, doer);
    return {};
  }

  tag(object: StoredObject, tags: Record<string, string>, event: string, doer: Doer): void {
    const tagged = { ...object, tags };
    this.#change(event, tagged, doer, (notices) => this.store.update(tagged, notices));
  }

  /** What a lifecycle rule removes: the current version is hidden where the bucket keeps versions. */
  expire(object: StoredObject, current: boolean): void {
    if (!current) this.store.drop(object, []);
    else if (this.spec.versioning)
      this.#hide("LifecycleExpiration:DeleteMarkerCreated", object.key, lifecycle);
    else this.#drop("LifecycleExpiration:Delete", object, lifecycle);
  }

  #hide(event: string, key: string, doer: Doer): StoredObject {
    const marker: StoredObject = {
      key,
      versionId: newVersion(),
      deleteMarker: true,
      size: 0,
      etag: "",
      modified: this.#cloud.clock.now(),
      headers: {},
      metadata: {},
      tags: {},
    };
    this.#change(event, marker, doer, (notices) => this.store.put(marker, true, notices));
    return marker;
  }
  #drop(event: string, object: StoredObject, doer: Doer) {
    this.#change(event, object, doer, (notices) => this.store.drop(object, notices));
  }

  /** The change and its notices are kept together, then the notices go out. */
  #change(name: string, object: StoredObject, doer: Doer, apply: (notices: Notice[]) => void) {
    const notices = composeNotices(this.spec, { name, object, ...doer }, this.#cloud.clock.now());
    apply(notices);
    this.#notifier.deliver(this, notices);
  }
}

const newVersion = () => randomBytes(16).toString("hex");
