/** EventBridge Scheduler with the rules that our calls must keep; the whole of it is packages/local. */
export interface StoredSchedule {
  ScheduleExpression: string;
  ScheduleExpressionTimezone: string;
  State: "ENABLED" | "DISABLED";
  ActionAfterCompletion: "NONE" | "DELETE";
  StartDate?: number;
  EndDate?: number;
  Target: { Arn: string; RoleArn: string; Input: string; DeadLetterConfig: { Arn: string } };
}

interface Refusal {
  status: number;
  code: string;
}

/** @param group That there is. @returns What is wrong, or nothing when it is done. */
export function answerScheduler(
  schedules: Map<string, StoredSchedule>,
  request: { method: string; name: string; group: string; body: string },
  now: number,
): Refusal | undefined {
  const { method, name, body } = request;
  const missing = { status: 404, code: "ResourceNotFoundException" };
  if (request.group !== "frontdesk-test") return missing;
  if (method === "DELETE") return schedules.delete(name) ? undefined : missing;
  const wanted = JSON.parse(body) as StoredSchedule;
  if (wanted.StartDate !== undefined && wanted.StartDate * 1_000 < now - 300_000)
    return { status: 400, code: "ValidationException" };
  if (method === "POST" && schedules.has(name)) return { status: 409, code: "ConflictException" };
  if (method === "PUT" && !schedules.has(name)) return missing;
  schedules.set(name, wanted);
  return undefined;
}
