/** The company's notes lie beside the corpus, outside of the repository. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { sections } from "../../scripts/resources/notes.ts";
import { corpusFolder } from "./corpus.ts";

const file = join(corpusFolder, "../../infrastructure-notes.md");
if (!existsSync(file)) throw new Error(`the company's notes are not at ${file}`);
const notes = readFileSync(file, "utf8").split("\n");
const lines = sections.flatMap((section) => section.lines);

test("docs/resources.md answers every line of the notes", () => {
  const answered = new Set(
    lines.flatMap(({ line, to = line }) => Array.from({ length: to - line + 1 }, (_, index) => line + index)),
  );
  const left = notes.flatMap((text, index) => (text.trim() && !answered.has(index + 1) ? [text] : []));
  expect(left).toEqual([]);
});

test("what it quotes of a line stands in it", () => {
  for (const { line, note } of lines) expect(notes[line - 1]).toContain(note);
});
