/**
 * Every function, queue and API of the program as it is made, so that alarms.ts leaves none out and nobody has to tell
 * it. Imported before whatever makes them.
 */
export const functions: { name: string; resource: sst.aws.Function }[] = [];
export const httpApis: { name: string; resource: sst.aws.ApiGatewayV2 }[] = [];
export const websocketApis: { name: string; resource: sst.aws.ApiGatewayWebSocket }[] = [];
export const queues: {
  name: string;
  resource: sst.aws.Queue;
  /** Of its region; undefined at home. */
  provider: $util.ProviderResource | undefined;
  deadLetter: boolean;
}[] = [];

$util.runtime.registerStackTransformation(({ resource, name, opts }) => {
  if (resource instanceof sst.aws.Function) functions.push({ name, resource });
  else if (resource instanceof sst.aws.ApiGatewayV2) httpApis.push({ name, resource });
  else if (resource instanceof sst.aws.ApiGatewayWebSocket) websocketApis.push({ name, resource });
  else if (resource instanceof sst.aws.Queue)
    queues.push({ name, resource, provider: opts.provider, deadLetter: name.endsWith("DeadLetterQueue") });
  return undefined;
});
