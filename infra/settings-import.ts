/** Resources that the first deployment may take over instead of making them: docs/importing.md. */
export const importable: readonly string[] = [
  "VpcVpc",
  "HomeBucketBucket",
  "MailBucketBucket",
  "UsersUserPool",
  "AuroraCluster",
];
