/** Attacks on the server as a whole, from outside and without a credential. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { request as ask, type IncomingMessage } from "node:http";
import { connect } from "node:net";
import { networkInterfaces } from "node:os";
import { describe, expect, it } from "vitest";
import { loadConfig } from "@norns/kernel/config";
import { listRoutes } from "@norns/kernel/http";
import { describedRouter } from "./compose/routes.ts";
import { aWholeServer } from "./fixtures/whole-server.ts";

interface Flood {
  readonly status: number | undefined;
  readonly sentBytes: number;
}

/** Sends a body that never ends, until an answer comes or the connection goes. */
function flood(url: string, method: string, path: string, mostBytes: number): Promise<Flood> {
  return new Promise((resolve) => {
    const chunk = Buffer.alloc(64 * 1024, "a");
    let sentBytes = 0;
    let isOver = false;
    const end = (answer?: IncomingMessage) => {
      if (isOver) return;
      isOver = true;
      sent.destroy();
      resolve({ status: answer?.statusCode, sentBytes });
    };
    const sent = ask(new URL(path, url), { method, headers: { "content-type": "application/json", "transfer-encoding": "chunked" } }, end);
    sent.on("error", () => end());
    const pump = (): void => {
      while (!isOver && sentBytes < mostBytes) {
        sentBytes += chunk.length;
        if (!sent.write(chunk)) return void sent.once("drain", pump);
      }
      if (!isOver) sent.end();
    };
    pump();
  });
}

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** What is held after a collection: garbage of the client's own chunks is not the server's. */
function keptBytes(): number {
  collect();
  return process.memoryUsage().arrayBuffers;
}

describe("a server that anybody can reach", () => {
  it("[N3] takes no more than its bound of a body that never ends, on any route that asks for no credential, and none at all on the others", async () => {
    await using server = await aWholeServer();
    const writing = listRoutes(describedRouter()).filter(({ method }) => method !== "GET");
    const before = keptBytes();
    const wrong: unknown[] = [];
    for (const { method, path, access } of writing) {
      const target = path.replaceAll(/\{\w+\}/g, "op_00000000000000000000000000");
      const { status, sentBytes } = await flood(server.url, method, target, 64_000_000);
      // Signing out reads no body, so it answers before it has one.
      const expected = "open" in access ? [413, 429, ...(/log-?out|sign-out/.test(path) ? [200] : [])] : [401];
      if (!expected.includes(status ?? 0) || sentBytes > 16_000_000) wrong.push([method, path, status, sentBytes]);
    }
    expect(wrong).toEqual([]);
    expect(writing.length).toBeGreaterThan(20);
    expect(keptBytes() - before).toBeLessThan(32_000_000);
  });

  it("[N9] listens on this machine only unless it is told otherwise", async () => {
    expect(loadConfig({}).bindAddress).toBe("127.0.0.1");
    await using server = await aWholeServer();
    const outside = Object.values(networkInterfaces())
      .flat()
      .filter((one) => one !== undefined && !one.internal && one.family === "IPv4");
    for (const one of outside) {
      const code = await new Promise<string>((resolve) => {
        const socket = connect(
          { host: one!.address, port: Number(new URL(server.url).port), timeout: 2_000 },
          () => (socket.destroy(), resolve("connected")),
        );
        socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? "error"));
        socket.once("timeout", () => (socket.destroy(), resolve("timeout")));
      });
      expect([one!.address, code]).toEqual([one!.address, "ECONNREFUSED"]);
    }
  });

  it("[W1] upgrades nothing but its sockets: not a route, and not a path that only looks like one of them", async () => {
    await using server = await aWholeServer();
    const { port } = new URL(server.url);
    const upgrade = (path: string): Promise<string> =>
      new Promise((resolve, reject) => {
        const socket = connect(Number(port), "127.0.0.1", () =>
          socket.write(
            `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
          ),
        );
        socket.once("data", (data: Buffer) => (socket.destroy(), resolve(data.toString().slice(9, 12))));
        socket.once("error", reject);
      });
    for (const path of ["/ws", "/api/ws/events", "/ws?token=1"]) expect([path, await upgrade(path)]).toEqual([path, "401"]);
    for (const path of [
      "/",
      "/ws/",
      "/WS",
      "//ws",
      "/%77s",
      "/ws/../ws",
      "/api/apps",
      "/api/apps/hello/logs",
      "/api/ws",
      "/api/ws/exec",
      "*",
    ])
      expect([path, await upgrade(path)]).toEqual([path, "404"]);
  });
});
