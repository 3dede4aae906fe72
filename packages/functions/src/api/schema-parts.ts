import { z } from "@hono/zod-openapi";

export const moment = z.iso.datetime().openapi({ example: "2026-11-24T03:11:27.538Z" });
export const id = (prefix: string) => z.string().openapi({ example: `${prefix}_01M85RK07HS9T8XPHXKBPSSDSF` });
