import { rule } from "../rule.ts";
import { value, type World } from "../world.ts";

const groups = { absent: "no log group", over: (world: World) => world.all("logGroup") };

export const logRules = [
  rule({
    name: "logs.retention",
    controls: ["CKV_AWS_66"],
    statement: "Every log group says how long it keeps its lines",
    mend: "set retentionInDays",
    ...groups,
    wrong: (group) => !(Number(value(group, "retentionInDays")) > 0) && "keeps its lines for ever",
  }),
  rule({
    name: "logs.one-year",
    controls: ["CKV_AWS_338"],
    statement: "Every log group keeps its lines for a year or more",
    mend: "set retentionInDays to 365 or more",
    ...groups,
    wrong: (group) => {
      // 0 and nothing are for ever, which logs.retention minds.
      const days = Number(value(group, "retentionInDays") ?? 0);
      return days > 0 && days < 365 && `keeps its lines for ${days} days`;
    },
  }),
];
