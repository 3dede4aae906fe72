import { type ChildProcess, spawn } from "node:child_process";
import { createServer } from "node:net";

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port is free on 127.0.0.1");
  return address.port;
}

export interface Session {
  /** Settles when the session ends, by itself or by `close`. */
  ended: Promise<void>;
  close(): void;
}

/**
 * Opens a port on loopback that leads to `host:port` as the bastion sees them.
 * @throws Error with what the AWS CLI said when no session comes up within `timeoutMs`.
 */
export async function openSession(
  route: { instanceId: string; region: string; host: string; port: number; localPort: number },
  timeoutMs = 30_000,
): Promise<Session> {
  const child = spawn(
    "aws",
    [
      ...["ssm", "start-session", "--region", route.region, "--target", route.instanceId],
      ...["--document-name", "AWS-StartPortForwardingSessionToRemoteHost", "--parameters"],
      JSON.stringify({
        host: [route.host],
        portNumber: [String(route.port)],
        localPortNumber: [String(route.localPort)],
      }),
    ],
    // A group of its own: Ctrl-C in psql cancels a query and must not end the tunnel below it.
    { stdio: ["ignore", "pipe", "pipe"], detached: true },
  );
  const close = () => stop(child);
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  let said = "";
  const ready = new Promise<void>((resolve, reject) => {
    const hear = (chunk: Buffer) => {
      said = `${said}${chunk}`.slice(-4000);
      if (said.includes("Waiting for connections")) resolve();
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    child.once("error", reject);
    child.once("close", (code) =>
      reject(new Error(`the session ended (${code}): ${said.trim() || "it said nothing"}`)),
    );
    setTimeout(
      () =>
        reject(
          new Error(`no session after ${timeoutMs / 1000} s: ${said.trim() || "the AWS CLI said nothing"}`),
        ),
      timeoutMs,
    ).unref();
  });
  try {
    await ready;
  } catch (error) {
    close();
    const { message } = error as Error;
    throw new Error(
      /TargetNotConnected/.test(message)
        ? `the bastion ${route.instanceId} is not connected to Session Manager: is it running, and is NAT? (${message})`
        : message,
    );
  }
  return { ended, close };
}

function stop({ pid, exitCode, signalCode }: ChildProcess): void {
  if (pid === undefined || exitCode !== null || signalCode !== null) return;
  try {
    // The plugin is a child of the CLI's, in its group.
    process.kill(-pid, "SIGTERM");
  } catch {
    // It ended meanwhile.
  }
}
