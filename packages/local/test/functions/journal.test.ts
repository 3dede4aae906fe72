import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { openJournal, type StoredEvent } from "../../src/functions/journal.ts";

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "local-journal-"));
  path = join(folder, "async.journal");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const event = (id: string, payload = "{}"): StoredEvent => ({
  id,
  functionArn: "arn",
  payload,
  traces: [],
  acceptedAt: 1,
  failures: 0,
  throttles: 0,
  nextAt: 1,
});

it("holds what was put and not ended, as it was put last", () => {
  const { journal, events } = openJournal(path);
  expect(events).toEqual([]);
  journal.put(event("a"));
  journal.put(event("b"));
  journal.put({ ...event("b"), failures: 1 });
  journal.end("a");
  // Not closed: as after a kill.
  expect(openJournal(path).events).toEqual([{ ...event("b"), failures: 1 }]);
});

it("a line that a kill cut off loses that line only", () => {
  const { journal } = openJournal(path);
  journal.put(event("a"));
  appendFileSync(path, '{"put":{"id":"b","functionArn":"ar');
  const again = openJournal(path);
  expect(again.events).toEqual([event("a")]);
  again.journal.put(event("c"));
  expect(openJournal(path).events.map(({ id }) => id)).toEqual(["a", "c"]);
});

it("does not grow with what has ended", () => {
  const { journal } = openJournal(path);
  const payload = JSON.stringify("x".repeat(100_000));
  journal.put(event("kept"));
  for (let index = 0; index < 100; index++) {
    journal.put(event(String(index), payload));
    journal.end(String(index));
  }
  journal.close();
  expect(statSync(path).size).toBeLessThan(5_000_000);
  expect(readFileSync(path, "utf8")).toContain('"kept"');
  expect(openJournal(path).events).toEqual([event("kept")]);
});
