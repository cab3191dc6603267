import { createServer as createHttpServer, type RequestListener } from "node:http";
import { createServer, type AddressInfo, type Server } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { probeOnce } from "./health.ts";

const signal = new AbortController().signal;
const open: Server[] = [];
afterEach(() => {
  for (const server of open.splice(0)) server.close();
});

async function listen(server: Server) {
  open.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { host: "127.0.0.1", port: (server.address() as AddressInfo).port };
}
const serve = (answer: RequestListener) => listen(createHttpServer(answer));

describe("a health probe", () => {
  it("takes 2xx and 3xx as healthy, everything else not, and keeps status and body", async () => {
    for (const [status, healthy] of [
      [200, true],
      [204, true],
      [302, true],
      [399, true],
      [400, false],
      [404, false],
      [500, false],
      [503, false],
    ] as const) {
      const address = await serve((_, answer) => answer.writeHead(status).end(status === 204 ? "" : `status ${status}`));
      const seen = await probeOnce(address, { path: "/health", timeoutMs: 2000 }, signal);
      expect(seen).toMatchObject({ healthy, status, body: status === 204 ? "" : `status ${status}` });
      expect(seen.at).toBeGreaterThan(Date.now() - 5000);
    }
  });

  it("follows no redirect, wherever it leads", async () => {
    let visits = 0;
    const elsewhere = await serve((_, answer) => {
      visits++;
      answer.end();
    });
    const address = await serve((_, answer) => answer.writeHead(302, { location: `http://127.0.0.1:${elsewhere.port}/` }).end());
    expect(await probeOnce(address, { path: "/", timeoutMs: 1000 }, signal)).toMatchObject({ healthy: true, status: 302 });
    expect(visits).toBe(0);
  });

  it("keeps the first 2 KB of a body that has no end", async () => {
    const address = await serve((_, answer) => {
      const timer = setInterval(() => answer.write("x".repeat(1000)), 5);
      answer.on("close", () => clearInterval(timer));
    });
    const seen = await probeOnce(address, { path: "/", timeoutMs: 2000 }, signal);
    expect(seen).toMatchObject({ healthy: true, status: 200 });
    expect(seen.body).toBe("x".repeat(2048));
  });

  it("judges by the status when the body drags on", async () => {
    const address = await serve((_, answer) => void answer.writeHead(200).write("event: hello\n"));
    expect(await probeOnce(address, { path: "/events", timeoutMs: 200 }, signal)).toMatchObject({
      healthy: true,
      status: 200,
      body: "event: hello\n",
    });
  });

  it("says why there was no answer", async () => {
    const silent = await listen(createServer(() => {}));
    expect(await probeOnce(silent, { path: "/", timeoutMs: 150 }, signal)).toMatchObject({
      healthy: false,
      error: "no answer within 0.15 s",
    });
    const rude = await listen(createServer((socket) => socket.destroy()));
    expect(await probeOnce(rude, { path: "/", timeoutMs: 500 }, signal)).toMatchObject({
      healthy: false,
      error: "the connection was closed without an answer",
    });
    const other = await listen(createServer((socket) => socket.end("SSH-2.0-OpenSSH\r\n")));
    expect(await probeOnce(other, { path: "/", timeoutMs: 500 }, signal)).toMatchObject({
      healthy: false,
      error: "what answered does not speak HTTP",
    });
    expect(await probeOnce({ host: "127.0.0.1", port: 1 }, { path: "/", timeoutMs: 500 }, signal)).toMatchObject({
      healthy: false,
      error: "connection refused: nothing listens there",
    });
  });

  it("is a TCP connect without a path", async () => {
    const address = await listen(createServer((socket) => socket.on("error", () => {})));
    expect(await probeOnce(address, { timeoutMs: 500 }, signal)).toMatchObject({ healthy: true });
    expect((await probeOnce({ host: "127.0.0.1", port: 1 }, { timeoutMs: 500 }, signal)).healthy).toBe(false);
  });

  it("sends the path as written, and no line break of it as a header", async () => {
    const paths: string[] = [];
    const address = await serve((request, answer) => {
      paths.push(request.url ?? "");
      answer.end(Object.keys(request.headers).join());
    });
    for (const path of ["/a%2Fb?q=1&r=ä", "no-slash", "/x\r\nx-injected: 1"]) {
      expect((await probeOnce(address, { path, timeoutMs: 500 }, signal)).body).not.toContain("x-injected");
    }
    expect(paths).toEqual(["/a%2Fb?q=1&r=%C3%A4", "/no-slash", "/x%0D%0Ax-injected:%201"]);
  });

  it("ends at once when it is called off", async () => {
    const silent = await listen(createServer(() => {}));
    const cancel = new AbortController();
    setTimeout(() => cancel.abort(), 50);
    const begin = performance.now();
    expect(await probeOnce(silent, { path: "/", timeoutMs: 10_000 }, cancel.signal)).toMatchObject({
      healthy: false,
      error: "the check was called off",
    });
    expect(await probeOnce(silent, { timeoutMs: 10_000 }, AbortSignal.abort())).toMatchObject({ healthy: false });
    expect(performance.now() - begin).toBeLessThan(1000);
  });
});
