/** The system of a test file: started once, with an administrator who signs in before each test, and no fault left after it. */
import { afterAll, afterEach, beforeAll, beforeEach, inject } from "vitest";
import { type SignedIn, type System, startSystem } from "./system.ts";

/** @param begin Called before each test; the clock may have moved on by more than a token lives. */
export function systemPerFile(begin: (system: System, admin: SignedIn) => void): void {
  let system: System;
  beforeAll(async () => {
    system = await startSystem({ template: inject("templateState") });
  });
  afterAll(() => system?.stop());
  beforeEach(async () => begin(system, await system.signIn("admin")));
  afterEach(() => system.app.cloud.faults.clear());
}
