import * as z from "zod";

// One of each for all answers: to make one takes 20 to 50 µs, and the API starts with two hundred places for them.
export const text = z.string();
export const textOrNull = text.nullable();
export const int = z.int();
export const moment = z.iso.datetime().meta({ example: "2026-11-24T03:11:27.538Z" });
export const momentOrNull = moment.nullable();
export const id = (prefix: string) => text.meta({ example: `${prefix}_01M85RK07HS9T8XPHXKBPSSDSF` });
