import * as config from "@frontdesk/core/config";
import { afterEach, expect, test } from "vitest";
import { configOf } from "../../../core/test/support/world.ts";
import { handler } from "../../src/tasks/migrator.ts";
import { context } from "../support/events.ts";

let restore = () => {};
afterEach(() => restore());

test("a deployment without what the migrator needs fails, and says what is not linked", async () => {
  restore = config.provide(configOf({ url: "http://127.0.0.1:1" }));
  await expect(handler({}, context(), () => {})).rejects.toThrow("Database is not linked to this function");
});
