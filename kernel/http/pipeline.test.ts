import { describe, expect, it } from "vitest";
import { conflict, quota, unavailable } from "../errors/index.ts";
import { aServer } from "./fixtures.ts";
import { addRoute, parseNetwork, z } from "./index.ts";
import type { PipelineDeps } from "./pipeline.ts";
import type { Network } from "./network.ts";

const echo = (of: Partial<PipelineDeps> & { publicUrl?: string } = {}) =>
  aServer((router) => {
    const action = { name: "things.write", role: "editor" } as const;
    addRoute(
      router,
      { method: "get", path: "/api/things", summary: "List", tag: "T", access: { action }, query: z.object({ q: z.string().optional() }) },
      ({ query, scope }) => Response.json({ query, remote: scope.remoteAddress, workspace: scope.workspace }),
    );
    addRoute(
      router,
      {
        method: "post",
        path: "/api/things",
        summary: "Make",
        tag: "T",
        access: { action },
        body: z.looseObject({ name: z.string().optional() }),
      },
      ({ body }) => Response.json(body),
    );
    addRoute(
      router,
      {
        method: "post",
        path: "/api/open",
        summary: "Open",
        tag: "T",
        access: { open: "test" },
        body: z.looseObject({}),
        bodyLimitBytes: 100,
      },
      ({ body }) => Response.json(body),
    );
    addRoute(
      router,
      {
        method: "get",
        path: "/api/fails/{how}",
        summary: "Fail",
        tag: "T",
        access: { open: "test" },
        params: z.object({ how: z.string() }),
      },
      ({ params }) => fail(params.how),
    );
    addRoute(router, { method: "get", path: "/api/v1/fails", summary: "Fail", tag: "T", access: { open: "test" } }, () => fail("conflict"));
    addRoute(
      router,
      {
        method: "post",
        path: "/api/slow-body",
        summary: "Slow",
        tag: "T",
        access: { open: "test" },
        timeoutMs: 30,
        body: z.looseObject({}),
      },
      () => Response.json({}),
    );
    addRoute(
      router,
      { method: "get", path: "/api/slow", summary: "Slow", tag: "T", access: { open: "test" }, timeoutMs: 30 },
      () => new Promise(() => {}),
    );
  }, of);

const fail = (how: string): never => {
  if (how === "conflict") throw conflict("taken", "The name is taken.", { details: { name: "x" } });
  if (how === "quota") throw quota("rate_limited", "Too many.", { details: { retryAfterMs: 1500 } });
  if (how === "away") throw unavailable("database_away", "The database is away.");
  throw new TypeError("secret inner text");
};

const ada = { authorization: "Bearer ada" };
const post = (body: string, headers: Record<string, string> = {}): RequestInit => ({
  method: "POST",
  body,
  headers: { "content-type": "application/json", ...headers },
});
const codeOf = async (response: Response): Promise<unknown> => ((await response.json()) as { code: string }).code;

describe("errors", () => {
  it("turns each kind into its status and one shape", async () => {
    const { call } = echo();
    const answer = await call("/api/fails/conflict", { headers: { "x-request-id": "client-request-1" } });
    expect(answer.status).toBe(409);
    expect(await answer.json()).toEqual({
      error: "The name is taken.",
      code: "taken",
      requestId: "client-request-1",
      details: { name: "x" },
    });
    const limited = await call("/api/fails/quota");
    expect([limited.status, limited.headers.get("retry-after")]).toEqual([429, "2"]);
    expect((await call("/api/fails/away")).status).toBe(503);
  });

  it("shows nothing of the inside of a bug", async () => {
    const answer = await echo().call("/api/fails/bug");
    const text = await answer.text();
    expect(answer.status).toBe(500);
    expect(text).not.toContain("secret inner text");
    expect(JSON.parse(text)).toMatchObject({ code: "internal", requestId: answer.headers.get("x-request-id") });
  });

  it("nests the error under /api/v1", async () => {
    expect(await (await echo().call("/api/v1/fails")).json()).toMatchObject({
      error: { code: "taken", message: "The name is taken.", requestId: expect.any(String) },
    });
  });

  it("says 404 for an unknown address and 405 with Allow for a known one", async () => {
    const { call } = echo();
    expect((await call("/api/nothing")).status).toBe(404);
    const answer = await call("/api/things", { method: "DELETE" });
    expect([answer.status, answer.headers.get("allow")]).toEqual([405, "GET, POST"]);
  });

  it("gives up on a handler that does not answer in time", async () => {
    const answer = await echo().call("/api/slow");
    expect(answer.status).toBe(408);
    expect(await codeOf(answer)).toBe("request_timed_out");
  });
});

describe("ids and headers", () => {
  it("replaces a request id that could not stand in a log", async () => {
    const { call } = echo();
    expect((await call("/api/things", { headers: { "x-request-id": "bad id {}" } })).headers.get("x-request-id")).toMatch(/^req_/);
  });

  it("sets the security headers on data, errors and streams of handlers alike", async () => {
    const { call } = echo();
    for (const answer of [await call("/api/things", { headers: ada }), await call("/api/things"), await call("/nothing")]) {
      expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
      expect(answer.headers.get("content-security-policy")).toContain("frame-ancestors 'none'");
      expect(answer.headers.get("referrer-policy")).toBe("no-referrer");
      expect(answer.headers.get("strict-transport-security")).toBeNull();
    }
  });

  it("promises HTTPS under the public address when that is https", async () => {
    const { call } = echo({ publicUrl: "https://norns.example.com" });
    expect((await call("/nothing", { headers: { host: "norns.example.com" } })).headers.get("strict-transport-security")).toContain(
      "max-age",
    );
    expect((await call("/nothing")).headers.get("strict-transport-security")).toBeNull();
  });

  it("promises HTTPS only where a trusted proxy says that it was HTTPS", async () => {
    const { call } = echo({ trustedProxies: [parseNetwork("127.0.0.1") as Network] });
    expect((await call("/nothing", { headers: { "x-forwarded-proto": "https" } })).headers.get("strict-transport-security")).toContain(
      "max-age",
    );
  });
});

describe("[I11] keys that reach a prototype", () => {
  const bodies = ['{"__proto__":{"admin":true}}', '{"a":[{"constructor":{"prototype":{"x":1}}}]}', '{"\\u005f_proto__":1}'];
  it.each(bodies)("are refused in JSON: %s", async (body) => {
    const answer = await echo().call("/api/things", post(body, ada));
    expect([answer.status, await codeOf(answer)]).toEqual([400, "unsafe_key"]);
    expect(({} as { admin?: boolean }).admin).toBeUndefined();
  });

  it("are refused in queries and forms", async () => {
    const { call } = echo();
    expect(await codeOf(await call("/api/things?__proto__=1", { headers: ada }))).toBe("unsafe_key");
    expect(await codeOf(await call("/api/things?a[constructor][x]=1", { headers: ada }))).toBe("unsafe_key");
    expect(
      await codeOf(
        await call("/api/open", { method: "POST", body: "__proto__=1", headers: { "content-type": "application/x-www-form-urlencoded" } }),
      ),
    ).toBe("unsafe_key");
  });

  it("are harmless as values", async () => {
    const answer = await echo().call("/api/things", post('{"name":"constructor","note":"__proto__"}', ada));
    expect(await answer.json()).toEqual({ name: "constructor", note: "__proto__" });
  });
});

describe("bodies", () => {
  it("are refused by their declared length, before they are read", async () => {
    const answer = await echo().call("/api/open", post(JSON.stringify({ a: "x".repeat(200) }), { "content-length": "211" }));
    expect([answer.status, await codeOf(answer)]).toEqual([413, "body_too_large"]);
  });

  it("are refused while they come when no length was declared", async () => {
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new TextEncoder().encode(" ".repeat(64))),
    });
    const answer = await echo().call("/api/open", {
      method: "POST",
      body,
      duplex: "half",
      headers: { "transfer-encoding": "chunked" },
    } as RequestInit);
    expect([answer.status, await codeOf(answer)]).toEqual([413, "body_too_large"]);
  });

  it("are not waited for without end", async () => {
    const answer = await echo().call("/api/slow-body", {
      method: "POST",
      body: new ReadableStream(),
      duplex: "half",
      headers: { "transfer-encoding": "chunked" },
    } as RequestInit);
    expect(answer.status).toBe(408);
  });

  it("may be absent, and must be JSON otherwise", async () => {
    const { call } = echo();
    expect(await (await call("/api/open", { method: "POST" })).json()).toEqual({});
    expect(await codeOf(await call("/api/open", post("{")))).toBe("invalid_json");
  });
});

describe("[W8] a name that is not ours", () => {
  it.each(["evil.example", "evil.example:8800", "localhost.evil.example", "hello.localhost:8800", "10.0.0.7", "", "a b"])(
    "is answered 421: %s",
    async (host) => {
      const answer = await echo().call("/api/things", { headers: { ...ada, host } });
      expect(answer.status).toBe(421);
    },
  );

  it.each(["localhost", "LOCALHOST:8800", "127.0.0.1:9", "[::1]:8800", "norns.example.com", "localhost."])(
    "and our names are accepted: %s",
    async (host) => {
      expect((await echo({ publicUrl: "https://norns.example.com" }).call("/api/things", { headers: { ...ada, host } })).status).toBe(200);
    },
  );
});

describe("[W2] pages of other origins", () => {
  const cookie = { cookie: "session=ada" };
  it.each(["http://evil.example", "http://app.localhost:8800", "http://localhost:3000", "https://localhost:8800", "null"])(
    "may not write: %s",
    async (origin) => {
      const { call } = echo();
      for (const credential of [cookie, ada, {}]) {
        const answer = await call("/api/things", post("{}", { ...credential, origin }));
        expect([answer.status, await codeOf(answer)]).toEqual([403, "origin_refused"]);
      }
    },
  );

  it("may not be left unsaid when a cookie is the credential", async () => {
    const { call } = echo();
    expect((await call("/api/things", post("{}", cookie))).status).toBe(403);
    expect((await call("/api/things", post("{}", { ...cookie, origin: "http://localhost:8800" }))).status).toBe(200);
    expect((await call("/api/things", post("{}", ada))).status).toBe(200);
  });

  it("may call with a bearer token, and not with a cookie, once they are allowed", async () => {
    const { call } = echo({ allowedOrigins: ["https://ops.example"] });
    const answer = await call("/api/things", post("{}", { ...ada, origin: "https://ops.example" }));
    expect([answer.status, answer.headers.get("access-control-allow-origin")]).toEqual([200, "https://ops.example"]);
    expect((await call("/api/things", post("{}", { ...cookie, origin: "https://ops.example" }))).status).toBe(403);
    const preflight = (origin: string) =>
      call("/api/things", { method: "OPTIONS", headers: { origin, "access-control-request-method": "POST" } });
    expect((await preflight("https://ops.example")).headers.get("access-control-allow-methods")).toContain("POST");
    expect((await preflight("https://evil.example")).headers.get("access-control-allow-origin")).toBeNull();
  });
});

describe("[W7] forwarding headers", () => {
  const remote = async (trusted: string[], peer: string, forwarded: string) => {
    const { call } = echo({ trustedProxies: trusted.map((text) => parseNetwork(text) as Network) });
    return ((await (await call("/api/things", { peer, headers: { ...ada, "x-forwarded-for": forwarded } })).json()) as { remote: string })
      .remote;
  };
  it("count for nothing from anyone but a trusted proxy", async () => {
    expect(await remote([], "127.0.0.1", "1.2.3.4")).toBe("127.0.0.1");
    expect(await remote(["10.0.0.0/8"], "127.0.0.1", "1.2.3.4")).toBe("127.0.0.1");
    expect(await remote([], "::ffff:203.0.113.9", "127.0.0.1")).toBe("203.0.113.9");
  });
  it("are read from the right, past our own proxies only", async () => {
    expect(await remote(["10.0.0.0/8"], "10.0.0.1", "127.0.0.1, 203.0.113.9, 10.0.0.2")).toBe("203.0.113.9");
    expect(await remote(["10.0.0.0/8"], "10.0.0.1", "203.0.113.9, rubbish, 10.0.0.2")).toBe("10.0.0.2");
    expect(await remote(["10.0.0.0/8"], "10.0.0.1", "")).toBe("10.0.0.1");
  });
});

describe("workspace and actor", () => {
  it("takes the workspace of the header, and answers 404 for one that is not the actor's", async () => {
    const { call } = echo();
    expect((await call("/api/things", { headers: { ...ada, "x-norns-workspace": "acme" } })).status).toBe(200);
    expect((await call("/api/things", { headers: { ...ada, "x-norns-workspace": "other" } })).status).toBe(404);
    expect((await call("/api/things")).status).toBe(401);
  });

  it("tells a refused caller nothing about what the body should be", async () => {
    expect(await codeOf(await echo().call("/api/things", post("{")))).toBe("unauthenticated");
  });
});
