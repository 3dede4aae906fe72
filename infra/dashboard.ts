/** One page that shows whether the stage is well. */
import { cluster } from "./cluster";
import { alarmed } from "./operations";
import { mailProvider, settings } from "./stage";
import { functions, httpApis, queues, websocketApis } from "./watched";

type Text = $util.Input<string>;
/** Namespace, metric, and pairs of dimension and value. */
type Metric = Text[];

interface Widget {
  title: string;
  metrics: Metric[];
  stat: "Sum" | "Average" | "Maximum";
  region?: string;
}

const home = queues.filter(({ provider }) => provider === undefined);
const inMailRegion = queues.filter(({ provider }) => provider === mailProvider);
const ofQueues = (list: typeof queues, metric: string): Metric[] =>
  list.map(({ resource }) => ["AWS/SQS", metric, "QueueName", resource.nodes.queue.name]);
const ofFunctions = (metric: string): Metric[] =>
  functions.map(({ resource }) => ["AWS/Lambda", metric, "FunctionName", resource.name]);
const ofDatabase = (...metrics: string[]): Metric[] =>
  metrics.map((metric) => ["AWS/RDS", metric, "DBClusterIdentifier", cluster.clusterIdentifier]);
const depth = "ApproximateNumberOfMessagesVisible";

const widgets: Widget[] = [
  {
    title: "Dead letters",
    metrics: ofQueues(
      home.filter(({ deadLetter }) => deadLetter),
      depth,
    ),
    stat: "Maximum",
  },
  {
    title: "Dead letters of the mail region",
    metrics: ofQueues(inMailRegion, depth),
    stat: "Maximum",
    region: settings.mailRegion,
  },
  {
    title: "Waiting messages",
    metrics: ofQueues(
      home.filter(({ deadLetter }) => !deadLetter),
      depth,
    ),
    stat: "Maximum",
  },
  {
    title: "Age of the oldest message (s)",
    metrics: ofQueues(
      home.filter(({ deadLetter }) => !deadLetter),
      "ApproximateAgeOfOldestMessage",
    ),
    stat: "Maximum",
  },
  { title: "Function errors", metrics: ofFunctions("Errors"), stat: "Sum" },
  { title: "Function throttles", metrics: ofFunctions("Throttles"), stat: "Sum" },
  { title: "Function duration (ms)", metrics: ofFunctions("Duration"), stat: "Average" },
  {
    title: "HTTP API",
    metrics: httpApis.flatMap(({ resource }) =>
      ["Count", "4xx", "5xx"].map((metric) => ["AWS/ApiGateway", metric, "ApiId", resource.nodes.api.id]),
    ),
    stat: "Sum",
  },
  {
    title: "Sockets",
    metrics: websocketApis.flatMap(({ resource }) =>
      ["ConnectCount", "MessageCount", "ExecutionError"].map((metric) => [
        "AWS/ApiGateway",
        metric,
        "ApiId",
        resource.nodes.api.id,
      ]),
    ),
    stat: "Sum",
  },
  {
    title: "Database capacity (ACU) and connections",
    metrics: ofDatabase("ServerlessDatabaseCapacity", "DatabaseConnections"),
    stat: "Average",
  },
  { title: "Database load (%)", metrics: ofDatabase("CPUUtilization", "ACUUtilization"), stat: "Average" },
  {
    title: "Mail sent",
    metrics: ["Send", "Delivery", "Bounce", "Complaint", "Reject"].map((metric) => ["AWS/SES", metric]),
    stat: "Sum",
  },
];

if (alarmed)
  new aws.cloudwatch.Dashboard("Dashboard", {
    dashboardName: `${$app.name}-${$app.stage}`,
    dashboardBody: $jsonStringify({
      // Three beside each other on CloudWatch's grid of 24 columns.
      widgets: widgets.map(({ title, metrics, stat, region }, index) => ({
        type: "metric",
        x: (index % 3) * 8,
        y: Math.floor(index / 3) * 6,
        width: 8,
        height: 6,
        properties: {
          title,
          metrics,
          stat,
          period: 300,
          region: region ?? settings.homeRegion,
          view: "timeSeries",
        },
      })),
    }),
  });
