/** What has never run on AWS: the one list behind `docs/unverified.md` and `npm run smoke`. */
import type { Selector } from "../resources/select.ts";
import type { Smoke } from "./context.ts";
import { byHand } from "./items-by-hand.ts";
import { checkedGroups } from "./items-checked.ts";

export interface Item {
  id: string;
  /** What nobody has seen on AWS. */
  claim: string;
  /** The resources it is about. */
  resources: Selector[];
  /** From outside. @returns What was seen. @throws Broken, or Unable when it cannot be asked. */
  check?: (smoke: Smoke) => Promise<string>;
  /** Where there is no check: what a person does instead. */
  byHand?: string;
  /** Whether the local cloud can be asked, too. */
  local?: boolean;
}
export interface Group {
  title: string;
  items: Item[];
}

export const groups: Group[] = [...checkedGroups, byHand];

export const items: Item[] = groups.flatMap((group) => group.items);
