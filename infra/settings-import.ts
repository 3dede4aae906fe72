/**
 * Resources that the first deployment may take over instead of making them, by logical name, and the inputs that stay
 * as they are there: names, and what AWS does not tell. Everything else must agree with the program: docs/importing.md.
 */
export const importable: Record<string, readonly string[]> = {
  VpcVpc: [],
  VpcInternetGateway: [],
  HomeBucketBucket: ["bucket"],
  MailBucketBucket: ["bucket"],
  UsersUserPool: ["name"],
  WebClient: ["name"],
  UsersDomain: ["domain"],
  AuroraSubnetGroup: ["name", "description"],
  AuroraCluster: ["clusterIdentifier", "masterPassword", "masterUsername", "databaseName"],
  AuroraInstance: ["identifier"],
  EmailQueueQueue: ["name"],
  EmailDeadLetterQueueQueue: ["name"],
  MailTopicTopic: ["name"],
};
