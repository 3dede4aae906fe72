import { settings } from "./stage";

// SST sets a retention where it makes a log group, each its own; here every group of the program has the same one.
$transform(aws.cloudwatch.LogGroup, (args) => {
  if (!args) return;
  args.retentionInDays = settings.logDays;
});
