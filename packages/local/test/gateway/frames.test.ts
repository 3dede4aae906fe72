import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { describe, expect, it } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { createFrameMeter, frameText, MAX_FRAME_BYTES } from "../../src/gateway/websocket/frames.ts";
import { selectRoute } from "../../src/gateway/websocket/selection.ts";
import { route } from "./support.ts";

/** A masked client frame (RFC 6455 section 5.2) of zeros. */
function clientFrame(length: number): Buffer {
  const header =
    length < 126
      ? Buffer.from([0x81, 0x80 | length])
      : length < 65_536
        ? Buffer.from([0x81, 0xfe, length >> 8, length & 0xff])
        : Buffer.concat([
            Buffer.from([0x81, 0xff]),
            (() => {
              const size = Buffer.alloc(8);
              size.writeBigUInt64BE(BigInt(length));
              return size;
            })(),
          ]);
  return Buffer.concat([header, Buffer.alloc(4), Buffer.alloc(length)]);
}

describe("frames", () => {
  it.each([
    0, 1, 125, 126, 65_535, 65_536, 131_072,
  ])("a message of %i bytes is framed so that a client reads it whole", async (size) => {
    const data = Buffer.alloc(size, "a");
    const frames = frameText(data);
    const tooLong = createFrameMeter();
    // Server frames are not masked, and the meter reads both kinds.
    expect(tooLong(frames)).toBe(false);
    const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
    await once(server, "listening");
    server.on("connection", (_, { socket }) => socket.write(frames));
    const client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const [received, binary] = await once(client, "message");
    client.terminate();
    server.close();
    expect(binary).toBe(false);
    expect((received as Buffer).equals(data)).toBe(true);
  });

  it.each([
    0, 125, 126, 32_768, 32_769, 70_000,
  ])("a client frame of %i bytes is measured however it is cut into chunks", (size) => {
    const bytes = Buffer.concat([clientFrame(5), clientFrame(size), clientFrame(1)]);
    for (const step of [1, 3, 1000, bytes.length]) {
      const tooLong = createFrameMeter();
      let seen = false;
      for (let at = 0; at < bytes.length && !seen; at += step) seen = tooLong(bytes.subarray(at, at + step));
      expect(seen).toBe(size > MAX_FRAME_BYTES);
    }
  });
});

describe("route selection", () => {
  const routes = [
    route("$connect"),
    route("$disconnect"),
    route("$default"),
    route("subscribe"),
    route("1"),
    route("a/b"),
  ];
  const select = (text: string, expression?: string) => selectRoute(routes, expression, text)?.key;

  it("takes the route that the expression names, and $default for everything else", () => {
    expect(select('{"action":"subscribe"}')).toBe("subscribe");
    expect(select('{"action":1}')).toBe("1");
    expect(select('{"action":"unknown"}')).toBe("$default");
    expect(select('{"no":"action"}')).toBe("$default");
    expect(select("not json")).toBe("$default");
    expect(select("null")).toBe("$default");
    expect(select('"subscribe"')).toBe("$default");
    expect(select('{"action":{"x":1}}')).toBe("$default");
  });

  it("a client cannot call $connect or $disconnect by naming them", () => {
    expect(select('{"action":"$connect"}')).toBe("$default");
    expect(select('{"action":"$disconnect"}')).toBe("$default");
  });

  it("reads nested and combined expressions, and own members only", () => {
    expect(select('{"m":{"t":"subscribe"}}', "$request.body.m.t")).toBe("subscribe");
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is API Gateway's notation
    expect(select('{"x":"a","y":"b"}', "${request.body.x}/${request.body.y}")).toBe("a/b");
    expect(select("{}", "$request.body.constructor.name")).toBe("$default");
  });

  it("without $default nothing takes what nobody names", () => {
    expect(selectRoute([route("$connect"), route("x")], undefined, '{"action":"y"}')).toBeUndefined();
  });
});
