/** The notes' lines in short, in their order, and what answers each. */
import { cloud } from "./notes-cloud.ts";
import { mailAndPeople } from "./notes-mail.ts";
import { permissions } from "./notes-permissions.ts";
import { storage } from "./notes-storage.ts";
import type { Selector } from "./select.ts";

export interface Line {
  /** Where it stands in the notes, from 1. */
  line: number;
  /** The last of its lines, where it goes over several. */
  to?: number;
  /** What it says, by words of its own that stand there in this order. */
  note: string;
  /** How it is answered; for a question or a process, the verdict. */
  answer: string;
  /** Each must find something on some kind of stage. */
  resources?: Selector[];
  /** None may find anything: what the answer says is not there. */
  never?: Selector[];
}
export interface Section {
  title: string;
  lines: Line[];
}

export const sections: Section[] = [...cloud, ...storage, ...mailAndPeople, ...permissions];
