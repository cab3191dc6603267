import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { processesRoutes } from "@norns/capabilities/apps/processes";
import type { Actor } from "@norns/kernel/actor";
import { newRouter, type Router } from "@norns/kernel/http";
import { newId, type OperationId } from "@norns/kernel/ids";
import { silentLog } from "@norns/kernel/log";
import { deploymentsRoutes } from "./routes.ts";
import { aWorld, actor, serverSource, until, webSpec, type TestServer, type World } from "./testing.ts";

const other = newId("WorkspaceId");
const stranger: Actor = { ...actor, id: "usr_other", roles: { [other]: "owner" }, homeWorkspace: other };

/** Every field that a test looks at, whichever answer it stands in. */
interface Answered extends Array<Answered> {
  readonly sagaId: OperationId;
  readonly operationId: string;
  readonly id: string;
  readonly ref: string;
  readonly seq: number;
  readonly action?: string;
}

describe("the routes of deployments and processes", () => {
  let world: World;
  let server: TestServer;
  let router: Router;
  beforeAll(async () => {
    world = await aWorld();
    server = await world.open();
    router = newRouter();
    router.use(async (context, next) => {
      const who = context.req.header("x-who") === "stranger" ? stranger : actor;
      context.set("scope", {
        requestId: newId("RequestId"),
        actor: who,
        workspace: who.homeWorkspace,
        log: silentLog,
        remoteAddress: "127.0.0.1",
      });
      await next();
    });
    deploymentsRoutes(router, server.deployments);
    processesRoutes(router, server.processes);
    await world.commit("hello", {
      "infraspec.yaml": webSpec("hello", "build: { command: echo compiled }\n"),
      "server.cjs": serverSource("one"),
    });
    await server.catalog.scan();
  });
  afterAll(() => world[Symbol.asyncDispose]());

  const call = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
    const answer = await router.request(path, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
    const text = await answer.text();
    // The cast: the schemas fix the shapes; here it is looked at what came.
    return {
      status: answer.status,
      headers: answer.headers,
      text,
      json: (answer.headers.get("content-type")?.includes("json") ? JSON.parse(text) : undefined) as Answered,
    };
  };

  it("answers 202 for work, and shows its way to the end", async () => {
    const started = await call("POST", "/api/apps/hello/deploy");
    expect(started.status).toBe(202);
    expect(started.json).toEqual({ sagaId: started.json.operationId, operationId: expect.stringMatching(/^op_/), status: "queued" });
    const id = started.json.sagaId;
    await server.end(id);
    expect((await call("GET", `/api/deployments/${id}`)).json).toMatchObject({ id, status: "deployed", release: 1 });
    expect((await call("GET", `/api/deployments/${id}/steps`)).json).toMatchObject({
      count: 9,
      steps: expect.arrayContaining([expect.objectContaining({ step: "clone", status: "complete" })]),
    });
    const saga = (await call("GET", `/api/saga/${id}`)).json;
    expect(saga.map(({ action }) => action)).toEqual(
      expect.arrayContaining(["deploy.start", "step.start", "step.complete", "deploy.switched", "forge.applied", "deploy.complete"]),
    );
    expect((await call("GET", "/api/saga/unknown")).json).toEqual([]);
    expect((await call("GET", "/api/apps/hello")).json).toMatchObject({
      spec: { name: "hello" },
      healthy: true,
      allocations: [{ taskGroup: "web", status: "running" }],
    });
    expect((await call("GET", "/api/apps")).json).toHaveLength(1);
    expect((await call("GET", "/api/stats")).json).toMatchObject({
      deploys: { total: 1, success: 1, failed: 0, mostPopularApp: "hello" },
      appCount: 1,
      runningAllocs: 1,
    });
    expect((await call("GET", `/api/deployments/${id}/output`, undefined, { accept: "text/plain" })).text).toContain("== build\n");
    expect((await call("GET", `/api/deployments/${id}/output?follow=false`)).text).toContain("compiled");
    expect((await call("GET", "/api/apps/hello/logs?follow=false", undefined, { accept: "text/plain" })).text).toContain("listening one\n");
  });

  it("gives log lines as events that can be resumed", async () => {
    const first = (await call("GET", "/api/apps/hello/logs?follow=false")).text;
    const id = /id: (\S+)\nevent: log\n[^]*listening one/.exec(first)?.[1];
    expect(id).toBeDefined();
    expect((await call("GET", "/api/apps/hello/logs?follow=false", undefined, { "last-event-id": id! })).text).not.toContain(
      "listening one",
    );
    expect((await call("GET", "/api/apps/hello/logs?follow=false&tail=1")).text.match(/event: log/g)).toHaveLength(1);
  });

  it("pages deployments and the saga by the Link header, and filters by app and status", async () => {
    await server.deploy("hello", "HEAD");
    expect((await server.deploy("hello", "nowhere")).state).not.toBe("succeeded");
    const first = await call("GET", "/api/deployments?limit=2");
    expect(first.json).toHaveLength(2);
    const next = /<([^>]+)>; rel="next"/.exec(first.headers.get("link") ?? "")![1]!;
    const second = await call("GET", next);
    expect(second.json).toHaveLength(1);
    expect(second.headers.get("link")).toBeNull();
    expect((await call("GET", "/api/deployments?status=failed")).json.map(({ ref }) => ref)).toEqual(["nowhere"]);
    expect((await call("GET", "/api/deployments?status=queued")).json).toEqual([]);
    expect((await call("GET", "/api/deployments?app=nobody")).json).toEqual([]);
    expect((await call("GET", "/api/deployments?cursor=nonsense")).status).toBe(400);
    const saga = await call("GET", "/api/saga?app=hello&limit=5");
    expect(saga.json).toHaveLength(5);
    const older = await call("GET", /<([^>]+)>/.exec(saga.headers.get("link") ?? "")![1]!);
    expect(older.json[0]!.seq).toBe(saga.json[4]!.seq - 1);
  });

  it("rolls back, restarts and scales with the seed's words", async () => {
    const rollback = await call("POST", "/api/apps/hello/rollback");
    expect(rollback).toMatchObject({
      status: 202,
      json: { status: "queued", release: 1, imageTag: expect.stringMatching(/^hello:[0-9a-f]{12}$/) },
    });
    await server.end(rollback.json.sagaId);
    const restart = await call("POST", "/api/apps/hello/restart");
    expect(restart).toMatchObject({ status: 202, json: { status: "restarted" } });
    await server.end(restart.json.sagaId);
    const scale = await call("POST", "/api/apps/hello/scale", { group: "web", count: 2 });
    expect(scale).toMatchObject({ status: 202, json: { status: "scaled" } });
    await server.end(scale.json.sagaId);
    expect((await call("GET", "/api/apps/hello/releases")).json).toMatchObject([
      { number: 2, state: "bad" },
      { number: 1, isCurrent: true },
    ]);
    expect((await call("POST", "/api/apps/hello/scale", { group: "web", count: -1 })).status).toBe(400);
    expect((await call("POST", "/api/apps/hello/scale", { count: 1 })).status).toBe(400);
    expect((await call("POST", "/api/apps/hello/scale", { group: "../web", count: 1 })).status).toBe(400);
    expect((await call("POST", "/api/apps/..%2Fetc/deploy")).status).toBe(400);
    expect((await call("POST", "/api/apps/hello/deploy", { ref: "--upload-pack=x" })).status).toBe(400);
  });

  it("[A1] does not know another workspace's apps, deployments and operations", async () => {
    const deployment = (await call("GET", "/api/deployments?limit=1")).json[0]!;
    const as = { "x-who": "stranger" };
    for (const path of [
      "/api/apps/hello",
      "/api/apps/hello/logs",
      "/api/apps/hello/releases",
      `/api/deployments/${deployment.id}`,
      `/api/deployments/${deployment.id}/steps`,
      `/api/deployments/${deployment.id}/output`,
    ])
      expect([path, (await call("GET", path, undefined, as)).status]).toEqual([path, 404]);
    for (const verb of ["deploy", "rollback", "restart", "preflight"])
      expect([verb, (await call("POST", `/api/apps/hello/${verb}`, undefined, as)).status]).toEqual([verb, 404]);
    expect((await call("POST", "/api/apps/hello/scale", { group: "web", count: 0 }, as)).status).toBe(404);
    expect((await call("DELETE", "/api/apps/hello", undefined, as)).status).toBe(404);
    expect((await call("GET", "/api/apps", undefined, as)).json).toEqual([]);
    expect((await call("GET", "/api/deployments", undefined, as)).json).toEqual([]);
    expect((await call("GET", "/api/saga", undefined, as)).json).toEqual([]);
    expect((await call("GET", `/api/saga/${deployment.id}`, undefined, as)).json).toEqual([]);
    expect(await server.get("hello")).toEqual({ status: 200, body: "one" });
  });

  it("takes an app's source, registers and deploys it, and removes it again", async () => {
    const commit = await world.commit("template", { "infraspec.yaml": webSpec("sent"), "server.cjs": serverSource("sent") });
    const tar = await world.archive("template");
    const send = (app: string, who = "") =>
      router.request(`/api/apps/${app}/source?commit=${commit}`, {
        method: "POST",
        body: tar,
        headers: { "x-who": who, "content-type": "application/x-tar" },
      });
    expect((await send("hello", "stranger")).status).toBe(409);
    expect((await send("misnamed")).status).toBe(400);
    const sent = await send("sent");
    expect([sent.status, await sent.json()]).toEqual([201, { app: "sent", commit, isNew: true }]);
    expect(await server.deploy("sent")).toMatchObject({ state: "succeeded", error: undefined });
    expect(await server.get("sent")).toEqual({ status: 200, body: "sent" });

    const removed = await call("DELETE", "/api/apps/sent");
    expect(removed.status).toBe(202);
    expect(await server.end(removed.json.sagaId)).toMatchObject({ state: "succeeded" });
    expect(await server.instances("sent")).toEqual([]);
    expect((await call("GET", "/api/apps/sent")).status).toBe(404);
    await until("a name that is gone", async () => (await server.get("sent")).status === 421 || (await server.get("sent")).status === 404);
    expect((await call("DELETE", "/api/apps/hello")).status).toBe(409);
  });
});
