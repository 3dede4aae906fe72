/** One sentence of a role's policy. */
export interface Grant {
  actions: string[];
  resources: $util.Input<string>[];
  conditions?: { test: string; variable: string; values: $util.Input<string>[] }[];
}
export type Text = $util.Input<string>;

/** What is known by its ARN. */
export interface Named {
  arn: Text;
}
