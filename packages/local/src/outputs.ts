/** What an app's `run()` returns, for the terminal. */
import type { Graph } from "./graph/types.ts";
import type { Plan } from "./plan/types.ts";
import type { Endpoints } from "./start.ts";

/**
 * The app's outputs by name: AWS's addresses with where they lead on this machine, which nothing outside the functions
 * resolves, and secret values masked.
 *
 * @param endpoints Loopback addresses by logical name.
 */
export function describeOutputs(
  graph: Pick<Graph, "outputs" | "links">,
  plan: Pick<Plan, "gateways" | "functionUrls" | "distributions" | "databases" | "caches">,
  endpoints: Pick<Endpoints, "gateways" | "functionUrls" | "distributions">,
): [name: string, text: string][] {
  const secrets = [
    ...Object.values(graph.links).flatMap((link) => (link.type === "sst:sst:Secret" ? [link.value] : [])),
    ...plan.databases.map(({ masterPassword }) => masterPassword),
    ...plan.caches.map(({ authToken }) => authToken),
  ].filter((value) => typeof value === "string" && value !== "") as string[];
  const masked = (text: string) =>
    secrets.reduce((left, secret) => left.replaceAll(secret, "[secret]"), text);

  const local = (text: string) => {
    const host = URL.canParse(text) ? new URL(text).host : undefined;
    if (!host) return undefined;
    const gateway = plan.gateways.find((one) => one.host === host || one.customDomains.includes(host));
    const fn = plan.functionUrls.find((one) => one.host === host);
    const cdn = plan.distributions.find((one) => one.domainName === host || one.aliases.includes(host));
    const { pathname, search, protocol } = new URL(text);
    const api = gateway && endpoints.gateways[gateway.name];
    // A websocket API's management endpoint has the API's host, and is no socket.
    if (api?.startsWith("ws:") && protocol !== "wss:") return undefined;
    const page = cdn && endpoints.distributions[cdn.name];
    return (
      api ??
      (fn && endpoints.functionUrls[fn.name]) ??
      (page && (pathname + search === "/" ? page : page + pathname + search))
    );
  };
  return Object.entries(graph.outputs).map(([name, value]) => {
    const text = typeof value === "string" ? value : JSON.stringify(value);
    const address = local(text);
    return [name, address === undefined ? masked(text) : `${masked(text)} -> ${address}`];
  });
}
