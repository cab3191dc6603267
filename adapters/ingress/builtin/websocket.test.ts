import { once } from "node:events";
import { createServer } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { describe, expect, it } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import type { InstanceId } from "@norns/kernel/ids";
import { aClosedPort, aFront, aRoute, raw } from "./fixtures.ts";

async function anEcho(options: { refuse?: true } = {}) {
  const server = createServer();
  const sockets = new WebSocketServer({ noServer: true });
  const headers: Record<string, unknown>[] = [];
  server.on("upgrade", (req, socket, head) => {
    headers.push({ ...req.headers, url: req.url });
    if (options.refuse) return void socket.end("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nSet-Cookie: norns=evil\r\n\r\nno");
    sockets.handleUpgrade(req, socket, head, (ws) => ws.on("message", (data, isBinary) => ws.send(data, { binary: isBinary })));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const port = (server.address() as AddressInfo).port;
  return {
    headers,
    sockets,
    target: { instance: `ins_echo_${port}` as InstanceId, host: "127.0.0.1", port },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets.clients) socket.terminate();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}

const open = (port: number, path = "/", headers: Record<string, string> = {}) =>
  new WebSocket(`ws://127.0.0.1:${port}${path}`, { headers: { host: "hello.localhost", ...headers } });

describe("a WebSocket through the ingress", () => {
  it("carries text and binary both ways, whatever their size", async () => {
    await using app = await anEcho();
    await using front = await aFront();
    front.ingress.setRoutes([aRoute([app.target])]);
    const ws = open(front.port);
    await once(ws, "open");
    for (const message of [Buffer.from("hello"), Buffer.alloc(3_000_000, 7)]) {
      ws.send(message);
      const [back] = (await once(ws, "message")) as [Buffer];
      expect(back.equals(message)).toBe(true);
    }
    ws.close();
    await once(ws, "close");
    await front.ingress.drained(app.target.instance, 1000);
  });

  it("forwards neither our cookie nor our ticket", async () => {
    await using app = await anEcho();
    await using front = await aFront({ isTicket: (value) => value.startsWith("tkt_") });
    front.ingress.setRoutes([aRoute([app.target])]);
    const ws = open(front.port, "/live?a=1&ticket=tkt_secret&ticket=theirs", { cookie: "norns=secret; theirs=1; __Host-norns=secret" });
    await once(ws, "open");
    expect(app.headers[0]).toMatchObject({ url: "/live?a=1&ticket=theirs", cookie: "theirs=1" });
    ws.terminate();
  });

  it("counts as in flight until it ends, so that a drain waits for it", async () => {
    await using app = await anEcho();
    await using front = await aFront();
    front.ingress.setRoutes([aRoute([app.target])]);
    const ws = open(front.port);
    await once(ws, "open");
    front.ingress.setRoutes([]);
    let isDrained = false;
    const drained = front.ingress.drained(app.target.instance, 5000).then(() => (isDrained = true));
    ws.send("still here");
    expect(String((await once(ws, "message"))[0])).toBe("still here");
    expect(isDrained).toBe(false);
    ws.close();
    await drained;
  });

  it("ends on both sides when either goes away", async () => {
    await using app = await anEcho();
    await using front = await aFront();
    front.ingress.setRoutes([aRoute([app.target])]);
    const left = open(front.port);
    await once(left, "open");
    left.terminate();
    await expect.poll(() => app.sockets.clients.size).toBe(0);
    const right = open(front.port);
    await once(right, "open");
    for (const socket of app.sockets.clients) socket.terminate();
    await once(right, "close");
    await front.ingress.drained(app.target.instance, 1000);
  });

  it("goes to another instance when one refuses the connection, and passes on a refusal of the app's own", async () => {
    await using app = await anEcho();
    await using refusing = await anEcho({ refuse: true });
    await using front = await aFront();
    const gone = { instance: "ins_gone" as InstanceId, host: "127.0.0.1", port: await aClosedPort() };
    front.ingress.setRoutes([aRoute([gone, app.target])]);
    for (let index = 0; index < 4; index++) {
      const ws = open(front.port);
      await once(ws, "open");
      ws.terminate();
    }
    front.ingress.setRoutes([aRoute([refusing.target])]);
    const ws = open(front.port);
    const [, res] = (await once(ws, "unexpected-response")) as [unknown, import("node:http").IncomingMessage];
    expect(res.statusCode).toBe(403);
    expect(res.headers["set-cookie"]).toBeUndefined();
    res.destroy();
    ws.on("error", () => {});
    ws.terminate();
    await front.ingress.drained(refusing.target.instance, 1000);
  });

  it("refuses other upgrades, unknown names and apps without instances", async () => {
    await using app = await anEcho();
    await using front = await aFront();
    front.ingress.setRoutes([aRoute([app.target]), aRoute([], "down.localhost")]);
    const ask = (host: string, upgrade: string) =>
      raw(front.port, `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: ${upgrade}\r\n\r\n`);
    expect(await ask("hello.localhost", "h2c")).toMatch(/^HTTP\/1\.1 400 /);
    expect(await ask("unknown.localhost", "websocket")).toMatch(/^HTTP\/1\.1 421 /);
    expect(await ask("down.localhost", "websocket")).toMatch(/^HTTP\/1\.1 503 /);
    expect(app.headers).toEqual([]);
  });

  it("does not mind a visitor who leaves in the middle of the handshake", async () => {
    await using app = await anEcho();
    await using front = await aFront();
    front.ingress.setRoutes([aRoute([app.target])]);
    for (let index = 0; index < 20; index++) {
      const socket = connect(front.port, "127.0.0.1");
      socket.on("error", () => {});
      socket.write(
        "GET / HTTP/1.1\r\nHost: hello.localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
      );
      await new Promise((resolve) => setTimeout(resolve, index % 5));
      socket.resetAndDestroy();
    }
    await front.ingress.drained(app.target.instance, 2000);
    const ws = open(front.port);
    await once(ws, "open");
    ws.terminate();
  });
});
