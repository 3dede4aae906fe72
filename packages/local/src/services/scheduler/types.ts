/** What Scheduler keeps. Names of members that AWS's API has are AWS's; times are milliseconds of the local clock. */

/** https://docs.aws.amazon.com/scheduler/latest/APIReference/API_Target.html, as it was sent. */
export interface Target {
  Arn: string;
  RoleArn: string;
  Input?: string;
  SqsParameters?: { MessageGroupId?: string };
  DeadLetterConfig?: { Arn?: string };
  RetryPolicy: { MaximumEventAgeInSeconds: number; MaximumRetryAttempts: number };
  /** Parameters of targets that do not run here. */
  [parameters: string]: unknown;
}

/** What a caller, or the graph, says of a schedule. */
export interface Definition {
  expression: string;
  /** IANA name. */
  zone: string;
  startAt?: number;
  endAt?: number;
  description?: string;
  state: "ENABLED" | "DISABLED";
  kmsKeyArn?: string;
  afterCompletion: "NONE" | "DELETE";
  /** Undefined: off. */
  windowMinutes?: number;
  target: Target;
}

export interface Schedule extends Definition {
  arn: string;
  region: string;
  group: string;
  name: string;
  createdAt: number;
  modifiedAt: number;
  /** Where rates count from. */
  anchor: number;
  /** What was due until then has been taken, or passed while the schedule was disabled. */
  cursor: number;
  /** Of a schedule of the graph: what the graph said last. */
  planned?: string;
}

export interface Group {
  arn: string;
  region: string;
  name: string;
  createdAt: number;
  modifiedAt: number;
  tags: Record<string, string>;
  planned?: true;
}

/** One time that a schedule was due, until its target has it or it is given up. */
export interface Invocation {
  id: string;
  scheduleArn: string;
  dueAt: number;
  /** Within the flexible window, which begins at the due time. */
  notBefore: number;
  /** Since when its age counts: the due time, unless a clock that was moved on came past it. */
  since: number;
}

/** An answer that a repeated request gets again. */
export interface Remembered {
  key: string;
  digest: string;
  answer: Record<string, unknown>;
  at: number;
}

/** One-time schedules have no beginning: a time that has passed already is still due. */
export const BEGINNING = Number.MIN_SAFE_INTEGER;

export function scheduleArn(
  accountId: string,
  { region, group, name }: Pick<Schedule, "region" | "group" | "name">,
): string {
  return `arn:aws:scheduler:${region}:${accountId}:schedule/${group}/${name}`;
}
export function groupArn(accountId: string, { region, name }: Pick<Group, "region" | "name">): string {
  return `arn:aws:scheduler:${region}:${accountId}:schedule-group/${name}`;
}
