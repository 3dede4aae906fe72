/** A run in a process of its own, for a test that kills it. Says when it is up. */
import { startRedis } from "./support.ts";

const redis = await startRedis("server", {}, process.argv[2]);
await redis.raw();
process.stdout.write("up\n");
setInterval(() => {}, 1000);
