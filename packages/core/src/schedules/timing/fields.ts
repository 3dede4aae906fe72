/** Fields of cron expressions, and errors that say how to mend one. */
import { VisibleError } from "../../error/index.ts";

export interface Field {
  name: string;
  min: number;
  max: number;
  names?: readonly string[];
}

const months = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split(" ");
const weekdays = "SUN MON TUE WED THU FRI SAT".split(" ");

export const fields = {
  minute: { name: "minute", min: 0, max: 59 },
  hour: { name: "hour", min: 0, max: 23 },
  day: { name: "day of the month", min: 1, max: 31 },
  month: { name: "month", min: 1, max: 12, names: months },
  weekday: { name: "day of the week", min: 1, max: 7, names: weekdays },
  year: { name: "year", min: 1970, max: 2199 },
} satisfies Record<string, Field>;

/** Days of the week as the common five fields count them. */
export const commonWeekday = {
  name: "day of the week",
  min: 0,
  max: 7,
  names: weekdays,
} satisfies Field;

/** @param what Goes on from "The cron expression". */
export function refuse(what: string): VisibleError {
  const message = `The cron expression ${what}.`;
  return new VisibleError("validation", "invalid_cron", message, { issues: [{ path: "cron", message }] });
}

/** Numbers that a field means, sorted: `*`, `5`, `1-5`, `10/15`, `MON-FRI`, lists of them. */
export function values(text: string, field: Field): number[] {
  const found = new Set<number>();
  for (const part of text.split(",")) {
    const [range = "", step, ...rest] = part.split("/");
    if (rest.length > 0) throw wrong(text, field);
    const every = step === undefined ? 1 : Number(step);
    if (step !== undefined && (!/^\d+$/.test(step) || every < 1 || every > field.max))
      throw refuse(`has ${text} for the ${field.name}: after / stands a step from 1 to ${field.max}`);
    if (range === "" && step !== undefined)
      throw refuse(`has ${text} for the ${field.name}: write ${field.min}${part} or *${part}`);
    const [first = "", second, ...more] = range.split("-");
    if (more.length > 0) throw wrong(text, field);
    let low = field.min;
    let high = field.max;
    if (range !== "*") {
      low = value(first, field, text);
      // `5/15`: from five on.
      high = second !== undefined ? value(second, field, text) : step !== undefined ? field.max : low;
    }
    if (high < low && !field.names)
      throw refuse(`has ${text} for the ${field.name}: a range goes from the smaller to the larger number`);
    // FRI-MON and NOV-FEB go over the end.
    const size = field.max - field.min + 1;
    const span = high >= low ? high - low : high - low + size;
    for (let offset = 0; offset <= span; offset += every) {
      const number = low + offset;
      found.add(number > field.max ? number - size : number);
    }
  }
  return [...found].sort((a, b) => a - b);
}

export function list(numbers: readonly number[]): string {
  return numbers.join(",");
}

function value(text: string, field: Field, whole: string): number {
  const named = field.names?.indexOf(text) ?? -1;
  if (named >= 0) return named + field.min;
  const number = Number(text);
  if (!/^\d+$/.test(text) || number < field.min || number > field.max) throw wrong(whole, field);
  return number;
}

function wrong(text: string, { name, min, max, names }: Field): VisibleError {
  const also = names ? ` or ${names[0]} to ${names.at(-1)}` : "";
  return refuse(
    `has "${text.slice(0, 40)}" for the ${name}: it takes ${min} to ${max}${also}, lists, ranges and steps`,
  );
}
