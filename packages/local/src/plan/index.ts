import type { Graph } from "../graph/types.ts";
import { readDistributions, readKeyValueStores } from "./cdn.ts";
import { functionResolver, readFunctions, readInvocations } from "./compute.ts";
import { readCaches, readDatabaseProxies, readDatabases } from "./data.ts";
import { readFunctionUrls } from "./function-urls.ts";
import { readGateways } from "./gateway.ts";
import { readResourcePolicies, readRoles } from "./iam.ts";
import { readUserPools } from "./identity.ts";
import {
  readEventSourceMappings,
  readQueues,
  readReceiptRules,
  readRules,
  readSubscriptions,
  readTopics,
} from "./messaging.ts";
import { Reader } from "./read.ts";
import { readScheduleGroups, readSchedules } from "./schedules.ts";
import { readBuckets, readFiles, readParameters, readSecrets } from "./storage.ts";
import type { Plan } from "./types.ts";
import { unrunnable } from "./unrunnable.ts";

/**
 * Draws from the graph what a machine needs to run it. Pure; the cost grows with the number of resources.
 * @throws Error naming the resource whose shape cannot be read.
 */
export function buildPlan(graph: Graph): Plan {
  const reader = new Reader(graph);
  const notRun: Plan["notRun"] = [];
  const functions = readFunctions(reader, notRun);
  const functionArn = functionResolver(functions);
  const buckets = readBuckets(reader);
  return {
    app: graph.app,
    stage: graph.stage,
    accountId: graph.accountId,
    homeRegion: graph.homeRegion,
    roles: readRoles(reader, notRun),
    resourcePolicies: readResourcePolicies(reader),
    queues: readQueues(reader),
    topics: readTopics(reader),
    subscriptions: readSubscriptions(reader, notRun),
    buckets,
    files: readFiles(reader, buckets, notRun),
    functions,
    eventSourceMappings: readEventSourceMappings(reader, functionArn, notRun),
    gateways: readGateways(reader, functionArn, notRun),
    functionUrls: readFunctionUrls(reader, functions, functionArn, notRun),
    rules: readRules(reader, notRun),
    scheduleGroups: readScheduleGroups(reader),
    schedules: readSchedules(reader),
    invocations: readInvocations(reader, functionArn),
    ...readReceiptRules(reader),
    userPools: readUserPools(reader),
    secrets: readSecrets(reader),
    parameters: readParameters(reader),
    databases: readDatabases(reader, notRun),
    databaseProxies: readDatabaseProxies(reader),
    caches: readCaches(reader),
    distributions: readDistributions(reader, notRun),
    keyValueStores: readKeyValueStores(reader),
    notRun: [...notRun, ...unrunnable(reader)],
  };
}
