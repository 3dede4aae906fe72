/** The parts that make a layer, on trees of the tests' own. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { unzipSync } from "fflate";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { foreignBinaries, readBinary } from "../../layers/binaries.ts";
import { builtArchive, inputsHash, layerNames, layerPackages } from "../../layers/contents.ts";
import { compare, explain } from "../../layers/install.ts";
import { type Lock, type LockEntry, lambda, layerLock, needed } from "../../layers/lock.ts";
import { staleLocks } from "../../layers/locks.ts";
import { prune } from "../../layers/prune.ts";
import { filesBelow, zip } from "../../layers/zip.ts";
import { root } from "../../scripts/run/root.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "frontdesk-layer-test-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function write(files: Record<string, string | Buffer>, below = folder) {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(below, name)), { recursive: true });
    writeFileSync(join(below, name), content);
  }
}

describe("zip", () => {
  const files = { "b.js": "b".repeat(5000), "a/package.json": "{}", "a/lib/x.so": Buffer.from([0, 255, 1]) };

  test("the same files make the same bytes, whatever the order, the times, the modes and the time zone", () => {
    write(files);
    const first = zip(filesBelow(folder, "nodejs"));
    const other = join(folder, "..", `${folder}-other`);
    try {
      write(Object.fromEntries(Object.entries(files).toReversed()), other);
      execFileSync("touch", ["-d", "2001-02-03T04:05:06", join(other, "b.js")]);
      execFileSync("chmod", ["700", join(other, "b.js")]);
      expect(zip(filesBelow(other, "nodejs")).equals(first)).toBe(true);
      const elsewhere = execFileSync(
        process.execPath,
        [
          "--input-type=module",
          "-e",
          `import { zip, filesBelow } from ${JSON.stringify(join(root, "layers/zip.ts"))};
           process.stdout.write(zip(filesBelow(${JSON.stringify(other)}, "nodejs")));`,
        ],
        { env: { ...process.env, TZ: "Pacific/Apia" } },
      );
      expect(elsewhere.equals(first)).toBe(true);
    } finally {
      rmSync(other, { recursive: true, force: true });
    }
  });

  test("what is in it comes out again, under the folder that Lambda looks into; another content makes other bytes", () => {
    write(files);
    const archive = zip(filesBelow(folder, "nodejs/node_modules"));
    const entries = unzipSync(archive);
    expect(Object.keys(entries)).toEqual([
      "nodejs/node_modules/a/lib/x.so",
      "nodejs/node_modules/a/package.json",
      "nodejs/node_modules/b.js",
    ]);
    expect(Buffer.from(entries["nodejs/node_modules/a/lib/x.so"] ?? [])).toEqual(Buffer.from([0, 255, 1]));
    write({ "b.js": "c" });
    expect(zip(filesBelow(folder, "nodejs/node_modules")).equals(archive)).toBe(false);
  });

  test("every entry is a regular file that everybody may read, of the format's first day", () => {
    write(files);
    const archive = zip(filesBelow(folder, "nodejs"));
    const places: number[] = [];
    const next = (after: number) => archive.indexOf("PK\x01\x02", after, "latin1");
    for (let at = next(0); at >= 0; at = next(at + 1)) places.push(at);
    const records = places.map((index) => ({
      // Offsets of APPNOTE.TXT, 4.3.12: version made by (3: Unix), date, external attributes (the mode on top).
      system: archive[index + 5],
      date: archive.readUInt32LE(index + 12),
      mode: archive.readUInt32LE(index + 38) >>> 16,
    }));
    const first = { system: 3, date: ((1 << 5) | 1) << 16, mode: 0o100644 };
    expect(records).toEqual([first, first, first]);
  });
});

describe("prune", () => {
  test("takes documents, maps, types and sources of binaries, and leaves code, data and licences", () => {
    const kept = [
      "a/index.js",
      "a/index.cjs",
      "a/package.json",
      "a/LICENSE",
      "a/LICENSE.md",
      "a/lib/docs/index.js",
      "a/lib/table.json",
      "a/lib/x.node",
      "a/node_modules/b/index.mjs",
      "@s/c/lib/libvips.so.42",
    ];
    const gone = [
      "a/README.md",
      "a/index.js.map",
      "a/index.d.ts",
      "a/index.d.cts",
      "a/docs/index.js",
      "a/test/index.js",
      "a/src/main.cc",
      "a/node_modules/b/test/x.js",
      "a/node_modules/b/CHANGELOG.md",
      "@s/c/README.md",
      ".package-lock.json",
      ".bin/a",
    ];
    write(Object.fromEntries([...kept, ...gone].map((name) => [name, "x"])));
    prune(folder);
    expect([...filesBelow(folder, "").keys()].map((name) => name.slice(1)).toSorted()).toEqual(
      kept.toSorted(),
    );
    expect(existsSync(join(folder, "a/src"))).toBe(false);
  });
});

describe("compiled code", () => {
  const elf = (machine: number, { wide = 2, text = "" } = {}) => {
    const header = Buffer.alloc(64);
    header.set([0x7f, 0x45, 0x4c, 0x46, wide, 1]);
    header.writeUInt16LE(machine, 18);
    return Buffer.concat([header, Buffer.from(text)]);
  };
  const windows = Buffer.alloc(256);
  windows.write("MZ");
  windows.writeUInt32LE(128, 60);
  windows.write("PE\0\0", 128);

  test.each([
    ["Lambda's arm64", elf(183), { kind: "ELF AArch64", fits: true }],
    ["x86-64", elf(62), { kind: "ELF x86-64", fits: false }],
    ["32 bits of ARM", elf(40, { wide: 1 }), { kind: "ELF ARM (32 bits)", fits: false }],
    [
      "arm64 with musl",
      elf(183, { text: "libc.musl-aarch64.so.1" }),
      { kind: "ELF AArch64 (musl)", fits: false },
    ],
    [
      "a Mac's",
      Buffer.concat([Buffer.from("cffaedfe", "hex"), Buffer.alloc(60)]),
      { kind: "Mach-O", fits: false },
    ],
    ["Windows'", windows, { kind: "Windows", fits: false }],
    ["a script", Buffer.from("#!/usr/bin/env node\nconsole.log(1)"), undefined],
    ["text that begins with MZ", Buffer.from(`MZ${"a".repeat(200)}`), undefined],
    ["nothing", Buffer.alloc(0), undefined],
  ])("is recognised by its header: %s", (_, content, expected) => {
    expect(readBinary(content)).toEqual(expected);
  });

  test("this machine's own binaries are seen for what they are", () => {
    const own = { arm64: "ELF AArch64", x64: "ELF x86-64" }[process.arch as string];
    expect(readBinary(readFileSync(process.execPath))?.kind).toBe(own);
  });

  test("a foreign file is named, whatever it is called", () => {
    write({ "a.node": elf(183), "b.dat": elf(62), "c.js": "x" });
    expect(foreignBinaries(filesBelow(folder, "nodejs"))).toEqual({
      checked: 2,
      foreign: ["nodejs/b.dat: ELF x86-64"],
    });
  });
});

describe("lock files", () => {
  const lock = (packages: Record<string, LockEntry>): Lock => ({
    lockfileVersion: 3,
    requires: true,
    packages,
  });
  const manifest = (...names: string[]) => ({
    name: "layer",
    license: "MIT",
    dependencies: Object.fromEntries(names.map((name) => [name, "0.0.0"])),
  });

  test("are the repository's own: the same versions at the same places, without what is not needed", () => {
    const whole = lock({
      "node_modules/a": { version: "1.0.0", dependencies: { b: "^1", d: "^1" }, dev: true },
      "node_modules/b": { version: "1.0.0" },
      "node_modules/a/node_modules/b": { version: "1.5.0", integrity: "sha512-x", resolved: "http://x" },
      "node_modules/d": {
        version: "1.0.0",
        peerDependencies: { e: "*", f: "*" },
        peerDependenciesMeta: { f: { optional: true } },
      },
      "node_modules/e": { version: "1.0.0" },
      "node_modules/f": { version: "1.0.0" },
      "packages/core/node_modules/a": { version: "2.0.0" },
    });
    expect(layerLock(whole, manifest("a")).lock.packages).toEqual({
      "": { name: "layer", license: "MIT", dependencies: { a: "2.0.0" } },
      "node_modules/a": { version: "2.0.0" },
    });
    delete whole.packages["packages/core/node_modules/a"];
    expect(layerLock(whole, manifest("a")).lock.packages).toEqual({
      "": { name: "layer", license: "MIT", dependencies: { a: "1.0.0" } },
      "node_modules/a": { version: "1.0.0", dependencies: { b: "^1", d: "^1" } },
      "node_modules/a/node_modules/b": { version: "1.5.0", integrity: "sha512-x" },
      "node_modules/d": expect.objectContaining({ version: "1.0.0" }),
      "node_modules/e": { version: "1.0.0" },
    });
  });

  test("name the packages of all platforms, as npm wants, of which a layer holds Lambda's", () => {
    const whole = lock({
      "node_modules/a": { version: "1.0.0", optionalDependencies: { arm: "1", intel: "1", musl: "1" } },
      "node_modules/arm": {
        version: "1.0.0",
        os: ["linux"],
        cpu: ["arm64"],
        libc: ["glibc"],
        optional: true,
      },
      "node_modules/intel": { version: "1.0.0", os: ["linux"], cpu: ["x64"], dependencies: { b: "1" } },
      "node_modules/b": { version: "1.0.0" },
      "node_modules/musl": { version: "1.0.0", cpu: ["arm64"], libc: ["musl"], optional: true },
    });
    const { packages } = layerLock(whole, manifest("a")).lock;
    expect(Object.keys(packages).filter((path) => packages[path]?.optional)).toEqual(
      ["arm", "b", "intel", "musl"].map((name) => `node_modules/${name}`),
    );
    expect([...needed(lock(packages), "", ["a"], lambda).keys()]).toEqual([
      "node_modules/a",
      "node_modules/arm",
    ]);
  });

  test("name what the repository has not got, and what needs another machine", () => {
    expect(() => layerLock(lock({}), manifest("a"))).toThrow(
      "a is not installed in this repository: add it to packages/core/package.json",
    );
    const mac = lock({ "node_modules/a": { version: "1.0.0", os: ["darwin"] } });
    expect(() => needed(mac, "", ["a"], lambda)).toThrow(
      "node_modules/a does not run on linux, arm64, glibc",
    );
  });

  test("of the layers are current, exact, and say nothing of where packages come from", () => {
    expect(staleLocks(root)).toEqual([]);
    for (const layer of layerNames) {
      expect(layerPackages(root, layer).every(({ version }) => /^\d+\.\d+\.\d+/.test(version))).toBe(true);
      expect(readFileSync(join(root, "layers", layer, "package-lock.json"), "utf8")).not.toContain(
        "resolved",
      );
    }
  });
});

describe("what is built", () => {
  function copyOfLayers() {
    cpSync(join(root, "layers"), join(folder, "layers"), { recursive: true });
    return join(folder, "layers/mail/package-lock.json");
  }

  test("is found by its inputs: another lock file makes an archive that was built before a stale one", () => {
    const file = copyOfLayers();
    const before = inputsHash(folder, "mail");
    expect(before).toBe(inputsHash(root, "mail"));
    const data = inputsHash(folder, "data");
    writeFileSync(file, readFileSync(file, "utf8").replace(/"version": "0\.\d+\.\d+"/, '"version": "0.0.1"'));
    expect(inputsHash(folder, "mail")).not.toBe(before);
    expect(inputsHash(folder, "data")).toBe(data);
  });

  test("is demanded by a deployment, with the command that builds it, and named by its content", () => {
    copyOfLayers();
    expect(() => builtArchive(folder, "mail")).toThrow(
      'layer mail was not built from what layers/mail names now: run "npm run layers"',
    );
    const hash = inputsHash(folder, "mail").slice(0, 16);
    write({ [`.frontdesk/layers/mail-${hash}.zip`]: "archive" });
    expect(builtArchive(folder, "mail").hash).toBe(createHash("sha256").update("archive").digest("hex"));
  });
});

describe("npm's failures become one sentence", () => {
  test.each([
    [
      "npm error code ECONNREFUSED\nnpm error network request failed",
      /registry is not reached \(ECONNREFUSED\): check the network/,
    ],
    ["npm error code ENOTFOUND\nnpm error syscall getaddrinfo", /registry is not reached/],
    [
      "npm error code ETARGET\nnpm error notarget No matching version found for x@9.9.9.",
      /No matching version found for x@9\.9\.9.*--lock/,
    ],
    ["npm error code EUSAGE\nnpm error `npm ci` can only install", /disagree: run npm run layers -- --lock/],
    ["npm error code ENOSPC\nnpm error no space left", /npm ci failed \(ENOSPC\): no space left/],
  ])("%j", (output, message) => {
    expect(explain("mail", output).message).toMatch(message);
  });

  test("a package that npm left out or took in another version is named", () => {
    const wanted = [
      { path: "node_modules/a", version: "1.0.0" },
      { path: "node_modules/b", version: "1.0.0" },
    ];
    expect(() => compare("image", wanted, wanted)).not.toThrow();
    expect(() =>
      compare("image", wanted, [
        { path: "node_modules/a", version: "1.0.1" },
        { path: "node_modules/c", version: "1.0.0" },
      ]),
    ).toThrow(
      "node_modules/a is 1.0.1, not 1.0.0; node_modules/b is missing, not 1.0.0; node_modules/c was not asked for",
    );
  });
});
