/** The `meta` box of HEIF: which items there are, of what kind, where, and what is said of them. */
import { checkParts } from "../limits.ts";
import { corrupt, truncated } from "../refusal.ts";
import { type Box, boxes, Cursor } from "./boxes.ts";

export interface Item {
  id: number;
  /** `av01`, `grid`, `hvc1`, `Exif`, `mime` … */
  type: string;
  /** In the order in which they apply. */
  properties: { type: string; content: Buffer }[];
  property(type: string): Buffer | undefined;
  /** Contents of its colour boxes. */
  colr: Buffer[];
}

interface Location {
  /** 0: in the file, 1: in `idat`. */
  method: number;
  extents: { offset: number; length: number }[];
}

export interface Meta {
  primary: number;
  items: Map<number, Item>;
  references: { type: string; from: number; to: number[] }[];
  locations: Map<number, Location>;
  idat: Buffer;
}

/** @param content Of the `meta` box. */
export function readMeta(content: Buffer): Meta {
  const meta: Meta = {
    primary: -1,
    items: new Map(),
    references: [],
    locations: new Map(),
    idat: Buffer.alloc(0),
  };
  let properties: Buffer | undefined;
  for (const { type, content: inner } of boxes(content, 4)) {
    if (type === "pitm") meta.primary = new Cursor(inner, 4).uint(inner.readUInt8(0) === 0 ? 2 : 4);
    else if (type === "iinf") readItems(inner, meta);
    else if (type === "iloc") readLocations(inner, meta);
    else if (type === "iref") readReferences(inner, meta);
    else if (type === "idat") meta.idat = inner;
    else if (type === "iprp") properties = inner;
  }
  // Their order is free, and properties name items.
  if (properties) readProperties(properties, meta);
  return meta;
}

function readItems(content: Buffer, meta: Meta): void {
  const first = content.readUInt8(0) === 0 ? 6 : 8;
  for (const { type, content: entry } of boxes(content, first)) {
    if (type !== "infe") continue;
    const version = entry.readUInt8(0);
    if (version < 2) throw corrupt("its parts are described in a way that there is not");
    const cursor = new Cursor(entry, 4);
    const id = cursor.uint(version === 2 ? 2 : 4);
    cursor.at += 2;
    const properties: Item["properties"] = [];
    meta.items.set(id, {
      id,
      type: cursor.ascii(4),
      properties,
      property: (wanted) => properties.find((property) => property.type === wanted)?.content,
      get colr() {
        return properties.filter((property) => property.type === "colr").map((property) => property.content);
      },
    });
    checkParts(meta.items.size);
  }
}

function readLocations(content: Buffer, meta: Meta): void {
  const version = content.readUInt8(0);
  const cursor = new Cursor(content, 4);
  const sizes = cursor.uint(2);
  const [offsetSize, lengthSize, baseSize] = [sizes >> 12, (sizes >> 8) & 15, (sizes >> 4) & 15];
  const indexSize = version === 0 ? 0 : sizes & 15;
  const count = cursor.uint(version < 2 ? 2 : 4);
  let parts = 0;
  for (let index = 0; index < count; index++) {
    const id = cursor.uint(version < 2 ? 2 : 4);
    const method = version === 0 ? 0 : cursor.uint(2) & 15;
    cursor.at += 2;
    const base = cursor.uint(baseSize);
    const extents: Location["extents"] = [];
    const extentCount = cursor.uint(2);
    for (let extent = 0; extent < extentCount; extent++) {
      checkParts(++parts);
      cursor.at += indexSize;
      extents.push({ offset: base + cursor.uint(offsetSize), length: cursor.uint(lengthSize) });
    }
    meta.locations.set(id, { method, extents });
  }
}

function readReferences(content: Buffer, meta: Meta): void {
  const size = content.readUInt8(0) === 0 ? 2 : 4;
  let parts = 0;
  for (const { type, content: entry } of boxes(content, 4)) {
    const cursor = new Cursor(entry);
    const from = cursor.uint(size);
    const to: number[] = [];
    const count = cursor.uint(2);
    for (let index = 0; index < count; index++) {
      checkParts(++parts);
      to.push(cursor.uint(size));
    }
    meta.references.push({ type, from, to });
  }
}

function readProperties(content: Buffer, meta: Meta): void {
  let all: Box[] = [];
  for (const { type, content: inner } of boxes(content)) {
    if (type === "ipco") all = [...boxes(inner)];
    if (type !== "ipma") continue;
    const version = inner.readUInt8(0);
    const wide = (inner.readUInt8(3) & 1) === 1;
    const cursor = new Cursor(inner, 4);
    const count = cursor.uint(4);
    for (let index = 0; index < count; index++) {
      const item = meta.items.get(cursor.uint(version < 1 ? 2 : 4));
      const associated = cursor.uint(1);
      for (let each = 0; each < associated; each++) {
        const number = wide ? cursor.uint(2) & 0x7fff : cursor.uint(1) & 0x7f;
        const property = all[number - 1];
        if (item && property) item.properties.push({ type: property.type, content: property.content });
      }
    }
  }
}

/** Bytes of an item. @throws Refusal `picture_truncated` when they lie beyond the end. */
export function itemData(file: Buffer, meta: Meta, item: Item): Buffer {
  const location = meta.locations.get(item.id);
  if (!location) throw corrupt("one of its parts is missing");
  if (location.method > 1) throw corrupt("one of its parts lies in another");
  const source = location.method === 1 ? meta.idat : file;
  let total = 0;
  const parts = location.extents.map(({ offset, length }) => {
    const end = length === 0 ? source.length : offset + length;
    total += end - offset;
    // Extents that overlap could make much of a small file.
    if (offset > end || end > source.length || total > source.length) throw truncated();
    return source.subarray(offset, end);
  });
  const [only] = parts;
  return parts.length === 1 && only ? only : Buffer.concat(parts);
}
