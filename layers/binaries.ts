/** Whether compiled code in a tree is Lambda's: read from the files themselves, since a file name may say anything. */
import { readFileSync } from "node:fs";

/** ELF's numbers of machines (https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html and psABIs). */
const machines: Record<number, string> = { 3: "x86", 40: "ARM (32 bits)", 62: "x86-64", 183: "AArch64" };
const AARCH64 = 183;

/** Compiled code of any system, or undefined for what is none. */
export interface Binary {
  /** e.g. `ELF x86-64`, `Mach-O`, `Windows`. */
  kind: string;
  /** Runs on Lambda's arm64 with glibc. */
  fits: boolean;
}

export function readBinary(content: Buffer): Binary | undefined {
  if (content.length < 20) return undefined;
  const magic = content.readUInt32BE(0);
  if (magic === 0x7f454c46) {
    const wide = content[4] === 2;
    const little = content[5] === 1;
    const machine = little ? content.readUInt16LE(18) : content.readUInt16BE(18);
    const musl = content.includes("libc.musl-");
    return {
      kind: `ELF ${machines[machine] ?? `machine ${machine}`}${musl ? " (musl)" : ""}`,
      fits: wide && little && machine === AARCH64 && !musl,
    };
  }
  // Mach-O of 32 and 64 bits in both orders, and its archive of several (which Java's class files share, and are none).
  if ([0xfeedface, 0xfeedfacf, 0xcefaedfe, 0xcffaedfe, 0xcafebabe].includes(magic))
    return { kind: "Mach-O", fits: false };
  if (magic >>> 16 === 0x4d5a && content.length > 64 && isPortableExecutable(content))
    return { kind: "Windows", fits: false };
  return undefined;
}

/** Files of other machines, each as `path: kind`. @param files Paths by the names to call them. */
export function foreignBinaries(files: Map<string, string>): { checked: number; foreign: string[] } {
  let checked = 0;
  const foreign: string[] = [];
  for (const [name, path] of files) {
    const binary = readBinary(readFileSync(path));
    if (!binary) continue;
    checked++;
    if (!binary.fits) foreign.push(`${name}: ${binary.kind}`);
  }
  return { checked, foreign };
}

function isPortableExecutable(content: Buffer): boolean {
  const at = content.readUInt32LE(60);
  return at + 4 <= content.length && content.readUInt32BE(at) === 0x50450000;
}
