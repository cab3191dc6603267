import { once } from "node:events";
import { request } from "node:http";
import { setTimeout as wait } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { InstanceId } from "@norns/kernel/ids";
import { aClosedPort, aFront, anInstance, aRoute, call, raw } from "./fixtures.ts";

describe("the built-in ingress", () => {
  it("leads a name to an instance, with what the visitor sent and who they are", async () => {
    await using app = await anInstance((req, res) => {
      const chunks: Buffer[] = [];
      req.on("data", (chunk: Buffer) => chunks.push(chunk));
      req.on("end", () =>
        res
          .writeHead(201, { "x-app": "yes" })
          .end(JSON.stringify({ headers: req.headers, url: req.url, body: Buffer.concat(chunks).toString() })),
      );
    });
    await using front = await aFront();
    front.ingress.setRoutes([aRoute([app.target])]);
    const answer = await call(front.port, "/a?b=c", {
      method: "POST",
      body: "hi",
      headers: { "x-forwarded-for": "6.6.6.6", forwarded: "for=6.6.6.6", "x-real-ip": "6.6.6.6" },
    });
    expect(answer.status).toBe(201);
    expect(answer.headers["x-app"]).toBe("yes");
    const seen = JSON.parse(answer.body) as { headers: Record<string, string>; url: string; body: string };
    expect(seen).toMatchObject({
      url: "/a?b=c",
      body: "hi",
      headers: {
        host: "hello.localhost:8800",
        "x-forwarded-for": "127.0.0.1",
        "x-forwarded-proto": "http",
        "x-forwarded-host": "hello.localhost:8800",
      },
    });
    expect(seen.headers).not.toHaveProperty("forwarded");
    expect(seen.headers).not.toHaveProperty("x-real-ip");
  });

  it("[W7] believes forwarding headers of a trusted proxy only", async () => {
    await using app = await anInstance((req, res) => res.end(JSON.stringify(req.headers)));
    await using front = await aFront({ isTrustedProxy: (address) => address === "127.0.0.1" });
    front.ingress.setRoutes([aRoute([app.target])]);
    const answer = await call(front.port, "/", { headers: { "x-forwarded-for": "9.9.9.9", "x-forwarded-proto": "https" } });
    expect(JSON.parse(answer.body)).toMatchObject({ "x-forwarded-for": "9.9.9.9, 127.0.0.1", "x-forwarded-proto": "https" });
  });

  it("[W8] knows only the names of its table, in one form", async () => {
    await using app = await anInstance((_, res) => res.end("app"));
    await using front = await aFront();
    front.ingress.setRoutes([aRoute([app.target])]);
    for (const host of ["hello.localhost", "HELLO.localhost:8800", "hello.localhost.", "hello.localhost.:80"]) {
      expect(front.ingress.handles(host)).toBe(true);
      expect((await call(front.port, "/", { headers: { host } })).body).toBe("app");
    }
    for (const host of [
      undefined,
      "",
      "localhost",
      "other.localhost",
      "hello.localhost..",
      "hello.localhost:99999",
      "hello.localhost@evil",
      "hello.localhost/x",
      "evil.com#hello.localhost",
      "[::1]",
      "hello.localhost, evil.com",
      "xn--hllo-bpa.localhost",
      "héllo.localhost",
    ])
      expect(front.ingress.handles(host)).toBe(false);
    const refused = await call(front.port, "/", { headers: { host: "evil.example.com" } });
    expect(refused.status).toBe(421);
    expect(app.seen).toHaveLength(4);
  });

  it("[N11] leads nowhere once the app is gone", async () => {
    await using app = await anInstance((_, res) => res.end("app"));
    await using front = await aFront();
    front.ingress.setRoutes([aRoute([app.target], "shop.example.com")]);
    expect((await call(front.port, "/", { headers: { host: "shop.example.com" } })).status).toBe(200);
    front.ingress.setRoutes([]);
    expect((await call(front.port, "/", { headers: { host: "shop.example.com" } })).status).toBe(421);
  });

  it("refuses what can be read in two ways", async () => {
    await using app = await anInstance((_, res) => res.end("app"));
    await using front = await aFront();
    front.ingress.setRoutes([aRoute([app.target])]);
    const host = "Host: hello.localhost\r\n";
    const attacks = [
      `GET / HTTP/1.1\r\n${host}Host: other.localhost\r\n\r\n`,
      `GET http://other.localhost/ HTTP/1.1\r\n${host}\r\n`,
      `POST / HTTP/1.1\r\n${host}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\n${host}\r\n`,
      `POST / HTTP/1.1\r\n${host}Content-Length: 0\r\nContent-Length: 44\r\n\r\nGET /smuggled HTTP/1.1\r\n${host}\r\n`,
      `POST / HTTP/1.1\r\n${host}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`,
      `POST / HTTP/1.1\r\n${host}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
      `POST / HTTP/1.1\r\n${host}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n`,
      `GET / HTTP/1.1\r\n${host}X: a\nInjected: b\r\n\r\n`,
      `GET /\u0001 HTTP/1.1\r\n${host}\r\n`,
    ];
    for (const attack of attacks) expect(await raw(front.port, attack), attack).toMatch(/^(HTTP\/1\.1 400 |$)/);
    expect(app.seen).toEqual([]);
  });

  it("does not let `Connection` take away what frames and routes a request", async () => {
    await using app = await anInstance((req, res) => {
      let body = "";
      req.on("data", (chunk: Buffer) => (body += chunk.toString()));
      req.on("end", () => res.end(JSON.stringify({ ...req.headers, body })));
    });
    await using front = await aFront();
    front.ingress.setRoutes([aRoute([app.target])]);
    const text = await raw(
      front.port,
      "POST / HTTP/1.1\r\nHost: hello.localhost\r\nConnection: close, content-length, host, x-forwarded-for, x-drop\r\nX-Drop: 1\r\nContent-Length: 2\r\n\r\nok",
    );
    const seen = JSON.parse(text.slice(text.indexOf("{"), text.lastIndexOf("}") + 1)) as Record<string, string>;
    expect(seen).toMatchObject({ body: "ok", host: "hello.localhost", "content-length": "2", "x-forwarded-for": "127.0.0.1" });
    expect(seen).not.toHaveProperty("x-drop");
  });

  it("streams both ways, and passes on an event as it comes", async () => {
    await using app = await anInstance((req, res) => {
      res.writeHead(200, { "content-type": "text/event-stream" });
      res.flushHeaders();
      req.on("data", (chunk: Buffer) => res.write(`data: ${chunk.toString()}\n\n`));
      req.on("end", () => res.end());
    });
    await using front = await aFront({ limits: { idleMs: 50 } });
    front.ingress.setRoutes([aRoute([app.target])]);
    const sent = request({ port: front.port, host: "127.0.0.1", method: "POST", headers: { host: "hello.localhost" } });
    sent.write("one");
    const [res] = (await once(sent, "response")) as [import("node:http").IncomingMessage];
    res.setEncoding("utf8");
    expect((await once(res, "data"))[0]).toBe("data: one\n\n");
    await wait(150); // longer than idle connections live: a quiet stream is not an idle connection
    sent.write("two");
    expect((await once(res, "data"))[0]).toBe("data: two\n\n");
    sent.end();
    await once(res, "end");
  });

  it("shows a broken answer as broken", async () => {
    await using app = await anInstance((_, res) => {
      res.writeHead(200, { "content-length": "100" });
      res.write("half");
      setTimeout(() => res.destroy(), 20);
    });
    await using front = await aFront();
    front.ingress.setRoutes([aRoute([app.target])]);
    await expect(call(front.port)).rejects.toThrow(/aborted|socket hang up/);
  });

  it("goes to another instance when one refuses the connection, bodies included", async () => {
    await using app = await anInstance((req, res) => req.pipe(res));
    await using front = await aFront();
    const gone = { instance: "ins_gone" as InstanceId, host: "127.0.0.1", port: await aClosedPort() };
    front.ingress.setRoutes([aRoute([gone, app.target])]);
    for (let index = 0; index < 6; index++)
      expect((await call(front.port, "/", { method: "POST", body: `body ${index}` })).body).toBe(`body ${index}`);
    await expect(front.ingress.drained(gone.instance, 0)).resolves.toBeUndefined();
  });

  it("repeats nothing that may have been done", async () => {
    await using app = await anInstance((req) => req.socket.destroy());
    await using front = await aFront();
    front.ingress.setRoutes([aRoute([app.target])]);
    expect((await call(front.port, "/", { method: "POST", body: "pay" })).status).toBe(502);
    expect((await call(front.port, "/", { method: "DELETE" })).status).toBe(502);
    expect(app.seen).toEqual(["POST /", "DELETE /"]);
  });

  it("survives an app that closes kept connections behind its back", async () => {
    let answered = 0;
    await using app = await anInstance((req, res) => {
      // Says nothing of closing and closes all the same, as servers do whose idle time is up.
      res.end(String(++answered), () => setTimeout(() => req.socket.destroy(), 2));
    });
    await using front = await aFront();
    front.ingress.setRoutes([aRoute([app.target])]);
    for (let index = 0; index < 100; index++) {
      expect((await call(front.port)).status).toBe(200);
      await wait(index % 4);
    }
  });

  it("says on a page of its own that an app has no healthy instance", async () => {
    await using front = await aFront();
    front.ingress.setRoutes([{ ...aRoute([]), note: "A <b>deployment</b> is under way." }]);
    const page = await call(front.port, "/", { headers: { accept: "text/html" } });
    expect(page.status).toBe(503);
    expect(page.headers["retry-after"]).toBe("5");
    expect(page.headers["content-security-policy"]).toContain("default-src 'none'");
    expect(page.body).toContain("hello is not available");
    expect(page.body).toContain("A &#60;b&#62;deployment&#60;/b&#62; is under way.");
    const line = await call(front.port);
    expect(line.body).toBe("hello is not available: A <b>deployment</b> is under way.\n");
    const refused = await call(front.port, "/", { method: "HEAD" });
    expect(refused.body).toBe("");
  });

  it("says 504 when an app accepts and does not answer, and 502 when its answer is no HTTP", async () => {
    await using silent = await anInstance(() => {});
    await using front = await aFront({ limits: { answerTimeoutMs: 80 } });
    front.ingress.setRoutes([aRoute([silent.target])]);
    expect((await call(front.port)).status).toBe(504);
    await using odd = await anInstance((req) => req.socket.end("HTTP/1.1 099 Odd\r\nContent-Length: 0\r\n\r\n"));
    front.ingress.setRoutes([aRoute([odd.target])]);
    expect((await call(front.port)).status).toBe(502);
    await using garbage = await anInstance((req) => req.socket.end("SSH-2.0-hello\r\n"));
    front.ingress.setRoutes([aRoute([garbage.target])]);
    expect((await call(front.port)).status).toBe(502);
  });

  it("sends a visitor on when one instance has its hands full, and counts what is in flight", async () => {
    const open: (() => void)[] = [];
    await using busy = await anInstance((_, res) => void open.push(() => res.end("busy")));
    await using free = await anInstance((_, res) => res.end("free"));
    await using front = await aFront();
    front.ingress.setRoutes([aRoute([busy.target])]);
    const held = call(front.port);
    await expect.poll(() => open.length).toBe(1);
    front.ingress.setRoutes([aRoute([busy.target, free.target])]);
    for (let index = 0; index < 5; index++) expect((await call(front.port)).body).toBe("free");

    front.ingress.setRoutes([aRoute([free.target])]);
    let isDrained = false;
    const drained = front.ingress.drained(busy.target.instance, 5000).then(() => (isDrained = true));
    await wait(30);
    expect(isDrained).toBe(false);
    open[0]!();
    expect((await held).body).toBe("busy");
    await drained;
    const before = Date.now();
    await front.ingress.drained(free.target.instance, 5000);
    expect(Date.now() - before).toBeLessThan(100);
  });

  it("stops waiting for a drain when the time is up", async () => {
    await using app = await anInstance(() => {});
    await using front = await aFront();
    front.ingress.setRoutes([aRoute([app.target])]);
    const held = call(front.port).catch(() => {});
    await expect.poll(() => app.seen.length).toBe(1);
    await front.ingress.drained(app.target.instance, 50);
    await front.ingress.close(0);
    await held;
  });

  it("tells the instance when the visitor goes away", async () => {
    let isGone = false;
    await using app = await anInstance((_, res) => {
      res.write("x");
      res.on("close", () => (isGone = true));
    });
    await using front = await aFront();
    front.ingress.setRoutes([aRoute([app.target])]);
    const sent = request({ port: front.port, host: "127.0.0.1", headers: { host: "hello.localhost" } });
    sent.on("error", () => {});
    sent.end();
    await once(sent, "response");
    sent.destroy();
    await expect.poll(() => isGone).toBe(true);
    await front.ingress.drained(app.target.instance, 1000);
  });

  it("lets go of a visitor who reads nothing", async () => {
    let isGone = false;
    await using app = await anInstance((_, res) => {
      const chunk = Buffer.alloc(64 * 1024);
      const more = () => {
        while (res.write(chunk));
        res.once("drain", more);
      };
      res.on("close", () => (isGone = true));
      more();
    });
    await using front = await aFront({ limits: { readerTimeoutMs: 150 } });
    front.ingress.setRoutes([aRoute([app.target])]);
    const sent = request({ port: front.port, host: "127.0.0.1", headers: { host: "hello.localhost" } });
    sent.on("error", () => {});
    sent.end();
    const [res] = (await once(sent, "response")) as [import("node:http").IncomingMessage];
    res.pause();
    await expect.poll(() => isGone, { timeout: 5000 }).toBe(true);
    sent.destroy();
  });

  it("closes idle connections to an instance that leaves the table", async () => {
    await using app = await anInstance((_, res) => res.end("ok"));
    await using front = await aFront();
    front.ingress.setRoutes([aRoute([app.target])]);
    await call(front.port);
    const connections = () => new Promise<number>((resolve) => app.server.getConnections((_, count) => resolve(count)));
    expect(await connections()).toBe(1);
    front.ingress.setRoutes([aRoute([])]);
    await expect.poll(connections).toBe(0);
  });

  it("passes on answers without a body, of unknown length and of old servers as they are", async () => {
    await using app = await anInstance((req, res) => {
      if (req.url === "/204") return void res.writeHead(204).end();
      if (req.url === "/304") return void res.writeHead(304, { etag: '"x"', "content-length": "7" }).end();
      if (req.url === "/old") return void req.socket.end("HTTP/1.0 200 OK\r\nX-Old: 1\r\n\r\nuntil the end");
      res.setHeader("content-length", "5");
      res.end("hello");
    });
    await using front = await aFront();
    front.ingress.setRoutes([aRoute([app.target])]);
    for (let round = 0; round < 2; round++) {
      expect(await call(front.port, "/204")).toMatchObject({ status: 204, body: "" });
      expect(await call(front.port, "/304")).toMatchObject({ status: 304, body: "", headers: { etag: '"x"' } });
      expect(await call(front.port, "/", { method: "HEAD" })).toMatchObject({ status: 200, body: "", headers: { "content-length": "5" } });
      expect(await call(front.port, "/old")).toMatchObject({ status: 200, body: "until the end", headers: { "x-old": "1" } });
      expect(await call(front.port, "/")).toMatchObject({ status: 200, body: "hello" });
    }
  });

  it("passes on a refusal that comes before the upload is through", async () => {
    await using app = await anInstance((_, res) => void res.writeHead(413).end("too large"));
    await using front = await aFront();
    front.ingress.setRoutes([aRoute([app.target])]);
    for (let round = 0; round < 5; round++) {
      const status = await new Promise<number | string>((resolve) => {
        const sent = request(
          {
            port: front.port,
            host: "127.0.0.1",
            method: "POST",
            agent: false,
            headers: { host: "hello.localhost", "content-length": 50_000_000 },
          },
          (res) => {
            res.resume();
            resolve(res.statusCode!);
          },
        );
        sent.on("error", (error) => resolve(error.message));
        sent.write(Buffer.alloc(1_000_000));
      });
      expect(status).toBe(413);
    }
    await front.ingress.drained(app.target.instance, 2000);
  });

  it("keeps no connection that it will not use again", async () => {
    await using app = await anInstance((req, res) => void req.resume().on("end", () => res.end("ok")));
    await using front = await aFront();
    front.ingress.setRoutes([aRoute([app.target])]);
    for (let index = 0; index < 20; index++) expect((await call(front.port, "/", { method: "POST", body: "x" })).body).toBe("ok");
    await expect
      .poll(() => new Promise<number>((resolve) => app.server.getConnections((_, count) => resolve(count))), { timeout: 900 })
      .toBe(0);
  });

  it("gives a deployed page that attacks the control plane nothing to hold", async () => {
    const ticket = "A".repeat(43);
    const seen: string[] = [];
    await using page = await anInstance((req, res) => {
      seen.push(JSON.stringify([req.url, req.headers]));
      res.writeHead(
        200,
        [
          ["Set-Cookie", "norns=fixed; Path=/; Domain=localhost"],
          ["Set-Cookie", "__Host-norns=fixed; Path=/; Secure"],
          ["Set-Cookie", "wide=1; Domain=localhost"],
          ["Set-Cookie", "mine=1"],
          ["Clear-Site-Data", '"*"'],
        ].flat(),
      );
      res.end();
    });
    await using front = await aFront({ controlHostnames: ["norns.example.com"] });
    front.ingress.setRoutes([aRoute([page.target])]);
    const answer = await call(front.port, `/?ticket=${ticket}&q=1`, { headers: { cookie: `norns=secret; other=1; __Host-norns=secret` } });
    expect(seen.join()).not.toMatch(/secret|AAAA/);
    expect(seen.join()).toContain("other=1");
    expect(answer.headers["set-cookie"]).toEqual(["wide=1", "mine=1"]);
    expect(answer.headers["clear-site-data"]).toBeUndefined();
    // Nor can it stand behind the control plane's own names.
    for (const host of ["localhost:8800", "127.0.0.1:8800", "[::1]:8800", "norns.example.com"])
      expect(front.ingress.handles(host)).toBe(false);
  });
});
