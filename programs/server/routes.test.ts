/** The server's own routes on a real database: events, operations, metrics. */
import { describe, expect, it } from "vitest";
import { aDatabase } from "@norns/adapters/stores/testing";
import { createGraphileTransport } from "@norns/adapters/transports/postgres";
import { auditMigrations, createAudit } from "@norns/capabilities/identity/audit";
import { eventRoutes, operationRoutes } from "@norns/capabilities/operations";
import { createRevocations, revocationMigrations, type Actor } from "@norns/kernel/actor";
import { systemClock } from "@norns/kernel/clock";
import { Write } from "@norns/kernel/database";
import { createEvents, kernelMigrations, subject } from "@norns/kernel/events";
import { createControlPlaneHosts, listRoutes, newRouter, requestPipeline, z } from "@norns/kernel/http";
import { systemIdSource, type NodeId, type OperationId, type WorkspaceId } from "@norns/kernel/ids";
import { createLedger, createWorker, defineOperation, done, ledgerMigrations, type OperationDefinition } from "@norns/kernel/ledger";
import { silentLog } from "@norns/kernel/log";
import { createMetrics } from "@norns/kernel/telemetry";
import { invalid } from "@norns/kernel/errors";
import { describedRouter } from "./compose/routes.ts";
import { createLiveStreams } from "./live-streams.ts";
import { metricsRoute } from "./metrics-route.ts";

const mine = "ws_0000000000000000000000000a" as WorkspaceId;
const theirs = "ws_0000000000000000000000000b" as WorkspaceId;
const ada: Actor = {
  kind: "user",
  id: "usr_ada",
  label: "ada",
  via: "session",
  roles: { [mine]: "editor" },
  scopes: "all",
  isPlatformAdmin: false,
  homeWorkspace: mine,
};
const eve: Actor = { ...ada, id: "usr_eve", label: "eve", roles: { [theirs]: "owner" }, homeWorkspace: theirs };
const watcher: Actor = { ...ada, id: "usr_watcher", label: "watcher", roles: { [mine]: "viewer" } };
const actors: Readonly<Record<string, Actor>> = { ada, eve, watcher };

const greet = defineOperation({
  name: "test.greet",
  queue: "tests",
  category: "test",
  input: z.object({ fails: z.boolean() }),
  announcesSteps: false,
  steps: [
    {
      name: "greet",
      timeoutMs: 1_000,
      retry: { tries: 1, backoffMs: 0, factor: 1 },
      async run({ input }) {
        if (input.fails) throw invalid("no_greeting", "There is nobody to greet.");
        return done({ hello: "world" });
      },
    },
  ],
});

async function aServer() {
  const db = await aDatabase([kernelMigrations, ledgerMigrations, revocationMigrations, auditMigrations]);
  const { store } = db;
  const events = createEvents({ store });
  const transport = createGraphileTransport({ pool: store.pool, url: db.url, log: silentLog });
  await transport.install();
  const shared = { store, events, transport, clock: systemClock, ids: systemIdSource, log: silentLog };
  const ledger = createLedger(shared);
  const worker = createWorker({
    ...shared,
    definitions: [greet as unknown as OperationDefinition<never>],
    node: "node_0000000000000000000000000a" as NodeId,
  });
  const revocations = createRevocations({ store, clock: systemClock, log: silentLog, checkEveryMs: 100 });
  const metrics = createMetrics();
  const streams = createLiveStreams((actor, close) => revocations.whenRevoked(actor, close));

  const router = newRouter();
  router.use(
    "*",
    requestPipeline({
      log: silentLog,
      clock: systemClock,
      hosts: createControlPlaneHosts({ publicUrl: undefined, bindAddress: "127.0.0.1" }),
      allowedOrigins: [],
      trustedProxies: [],
      socketAddressOf: () => "127.0.0.1",
      async resolveActor(request) {
        const known = await revocations.upTo();
        const actor = actors[request.headers.get("authorization")?.slice("Bearer ".length) ?? ""];
        if (!actor) return null;
        const own = { ...actor };
        revocations.note(own, known);
        return own;
      },
      resolveWorkspace: async (_actor, named) => named as WorkspaceId,
      limits: { requests: { name: "requests", perMinute: 1e6 }, badCredentials: { name: "bad", perMinute: 1e6 } },
      streams,
      meter: metrics,
    }),
  );
  const audit = createAudit({ store, clock: systemClock, ids: systemIdSource });
  eventRoutes(router, events);
  operationRoutes(router, { ledger, audit, defaultWorkspace: mine });
  metricsRoute(router, metrics, mine);

  return {
    revocations,
    audit,
    streams,
    db,
    async call(who: string, path: string, init: { method?: string; headers?: Record<string, string> } = {}) {
      return await router.fetch(
        new Request(`http://localhost${path}`, {
          ...init,
          headers: { host: "localhost", authorization: `Bearer ${who}`, ...init.headers },
        }),
      );
    },
    async say(workspace: WorkspaceId, message: string) {
      const write = new Write();
      events.append(write, { workspace, subject: subject("app", "hello"), category: "test", action: "said", message, actor: "test" });
      await write.commit(store);
    },
    async start(fails: boolean, workspace = mine): Promise<OperationId> {
      const write = new Write();
      const id = ledger.start(write, {
        definition: greet,
        input: { fails },
        workspace,
        subject: subject("app", "hello"),
        actor: { label: "test" },
      });
      await write.commit(store);
      return id;
    },
    run: (id: OperationId) => worker.run(id, new AbortController().signal),
    async [Symbol.asyncDispose]() {
      streams.stop();
      await revocations.close();
      await db.close();
    },
  };
}

/** The text of a stream until it ends, or until `isEnough`. */
async function readStream(answer: Response, isEnough: (text: string) => boolean = () => false): Promise<string> {
  const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done: isOver, value } = await reader.read();
    if (isOver) return text;
    text += value;
    if (isEnough(text)) {
      await reader.cancel();
      return text;
    }
  }
}

describe("/api/events", () => {
  it("pages backwards from the newest, and forwards with `after`, following the Link header", async () => {
    await using server = await aServer();
    for (let index = 1; index <= 5; index++) await server.say(index === 3 ? theirs : mine, `m${index}`);
    const messages = async (path: string): Promise<[string[], string | undefined]> => {
      const answer = await server.call("ada", path);
      const next = /<([^>]+)>; rel="next"/.exec(answer.headers.get("link") ?? "")?.[1];
      return [((await answer.json()) as { message: string }[]).map(({ message }) => message), next];
    };
    const [first, next] = await messages("/api/events?limit=3");
    expect(first).toEqual(["m5", "m4", "m2"]);
    expect(await messages(next!)).toEqual([["m1"], undefined]);
    const [oldest, newer] = await messages("/api/events?after=1&limit=2");
    expect(oldest).toEqual(["m2", "m4"]);
    expect(await messages(newer!)).toEqual([["m5"], undefined]);
  });

  it("streams what comes and resumes behind Last-Event-ID", async () => {
    await using server = await aServer();
    await server.say(mine, "before");
    const stream = server.call("ada", "/api/events", { headers: { accept: "text/event-stream", "last-event-id": "0" } });
    const text = readStream(await stream, (got) => got.includes("after"));
    await server.say(theirs, "not yours");
    await server.say(mine, "after");
    const got = await text;
    expect(got).toContain('id: 1\ndata: {"seq":1');
    expect(got).toContain("id: 3\n");
    expect(got).not.toContain("not yours");
    expect(server.streams.size).toBe(0);
  });

  it("[W3] ends a stream within a second of its credential's revocation, and says why", async () => {
    await using server = await aServer();
    const answer = await server.call("ada", "/api/events", { headers: { accept: "text/event-stream" } });
    const text = readStream(answer);
    const write = new Write();
    server.revocations.revoke(write, ["user:usr_ada"]);
    const before = performance.now();
    await write.commit(server.db.store);
    expect(await text).toContain('event: end\ndata: {"reason":"revoked"}');
    expect(performance.now() - before).toBeLessThan(1_000);
  });

  it("ends streams when the server stops, so that nobody waits for them", async () => {
    await using server = await aServer();
    const text = readStream(await server.call("ada", "/api/events", { headers: { accept: "text/event-stream" } }));
    server.streams.stop();
    expect(await text).toContain('{"reason":"stopping"}');
  });
});

describe("/api/operations", () => {
  it("lists, shows with steps, finds dead letters and retries them", async () => {
    await using server = await aServer();
    const good = await server.start(false);
    const bad = await server.start(true);
    await server.run(good);
    await server.run(bad);
    const json = async (path: string) =>
      (await (await server.call("ada", path)).json()) as Record<string, unknown>[] & Record<string, unknown>;

    expect((await json("/api/operations")).map(({ id, state }) => [id, state])).toEqual([
      [bad, "failed"],
      [good, "succeeded"],
    ]);
    expect(await json(`/api/operations/${good}`)).toMatchObject({
      sagaId: good,
      state: "succeeded",
      steps: [{ name: "greet", state: "done" }],
    });
    expect((await json("/api/operations/dead")).map(({ id }) => id)).toEqual([bad]);
    expect((await json("/api/operations?state=succeeded")).map(({ id }) => id)).toEqual([good]);
    expect(await json("/api/operations/queues")).toEqual([expect.objectContaining({ queue: "tests", dead: 1 })]);
    expect((await server.call("ada", `/api/operations/${bad}/retry`, { method: "POST" })).status).toBe(202);
    expect((await server.call("ada", `/api/operations/${good}/retry`, { method: "POST" })).status).toBe(409);
    expect((await server.call("ada", `/api/operations/${good}/cancel`, { method: "POST" })).status).toBe(409);
  });

  it("writes who cancelled and who retried into the audit trail: once for what changed, never for what was refused", async () => {
    await using server = await aServer();
    const [failed, waiting] = [await server.start(true), await server.start(false)];
    await server.run(failed);
    const post = async (who: string, path: string) => (await server.call(who, `/api/operations/${path}`, { method: "POST" })).status;
    expect(await Promise.all([post("ada", `${failed}/retry`), post("ada", `${failed}/retry`)])).toEqual(expect.arrayContaining([202, 409]));
    expect([await post("ada", `${waiting}/cancel`), await post("ada", `${waiting}/cancel`)]).toEqual([202, 202]);
    expect(await post("watcher", `${waiting}/cancel`)).toBe(403);
    const { rows } = await server.audit.list({ workspace: mine, limit: 10 });
    expect(rows.map(({ action, operation, actor, before }) => [action, operation, actor.id, before])).toEqual([
      ["operations.cancel", waiting, "usr_ada", { name: "test.greet", state: "queued" }],
      ["operations.retry", failed, "usr_ada", { name: "test.greet", state: "failed" }],
    ]);
  });

  it("takes subject or app, and refuses both", async () => {
    await using server = await aServer();
    const id = await server.start(false);
    const found = async (path: string) => {
      const answer = await server.call("ada", path);
      return answer.ok ? ((await answer.json()) as { id: string }[]).map((one) => one.id) : answer.status;
    };
    for (const query of ["app=hello", "subject=app:hello"]) expect(await found(`/api/operations?${query}`)).toEqual([id]);
    expect(await found("/api/operations?app=other")).toEqual([]);
    for (const path of ["/api/operations", "/api/events"]) expect(await found(`${path}?app=hello&subject=app:hello`)).toBe(400);
  });

  it("[A1] tells nobody of another workspace that an operation exists, and lets no viewer steer", async () => {
    await using server = await aServer();
    const id = await server.start(false);
    for (const [method, path] of [
      ["GET", `/api/operations/${id}`],
      ["POST", `/api/operations/${id}/cancel`],
      ["POST", `/api/operations/${id}/retry`],
    ] as const) {
      expect([path, (await server.call("eve", path, { method })).status]).toEqual([path, 404]);
      if (method === "POST") expect([path, (await server.call("watcher", path, { method })).status]).toEqual([path, 403]);
    }
    expect(await (await server.call("eve", "/api/operations")).json()).toEqual([]);
    expect((await server.call("eve", "/api/operations", { headers: { "x-norns-workspace": mine } })).status).toBe(404);
    expect(await (await server.call("watcher", `/api/operations/${id}`)).json()).toMatchObject({ state: "queued" });
    expect((await server.call("eve", "/metrics")).status).toBe(404);
  });
});

describe("all routes together", () => {
  it("have an id each, say who may call, and none of them twice", () => {
    const router = describedRouter();
    const routes = listRoutes(router);
    expect(new Set(routes.map(({ method, path }) => `${method} ${path}`)).size).toBe(routes.length);
    const ids = router.openAPIRegistry.definitions.flatMap((one) => (one.type === "route" ? [one.route.operationId] : []));
    expect(new Set(ids).size).toBe(ids.length);
  });
});
