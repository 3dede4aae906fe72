import * as z from "zod";

export const moment = z.iso.datetime().meta({ example: "2026-11-24T03:11:27.538Z" });
export const id = (prefix: string) => z.string().meta({ example: `${prefix}_01M85RK07HS9T8XPHXKBPSSDSF` });
