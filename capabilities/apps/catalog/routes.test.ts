import { execFileSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createOutbound } from "@norns/adapters/outbound";
import { createSources } from "@norns/adapters/sources/git";
import type { Actor } from "@norns/kernel/actor";
import { systemClock } from "@norns/kernel/clock";
import { newRouter } from "@norns/kernel/http";
import type { RequestId } from "@norns/kernel/ids";
import { silentLog } from "@norns/kernel/log";
import { aCatalog, anActor, aSpec, foreign, home } from "./fixtures.ts";
import type { RepositorySpecDeps } from "./repository-spec.ts";
import { catalogRoutes } from "./routes.ts";

type Room = Awaited<ReturnType<typeof aCatalog>>;

function aClient(room: Room, repositories?: RepositorySpecDeps) {
  const router = newRouter();
  let actor: Actor | null = anActor();
  router.use("*", async (context, next) => {
    context.set("scope", {
      requestId: "req_1" as RequestId,
      actor,
      workspace: actor?.homeWorkspace ?? home,
      log: silentLog,
      remoteAddress: "127.0.0.1",
    } as never);
    await next();
  });
  catalogRoutes(router, { catalog: room.catalog, store: room.store, ...(repositories ? { repositories } : {}) });
  return {
    as: (who: Actor | null) => void (actor = who),
    async call(method: string, path: string, body?: unknown) {
      const response = await router.request(path, {
        method,
        ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
      });
      return { status: response.status, body: (await response.json()) as Record<string, unknown> & Record<string, unknown>[] };
    },
  };
}

const repo = { url: "https://example.com/mine.git" };

describe("the catalogue's routes", () => {
  it("validate one app and all, strictly when asked", async () => {
    await using room = await aCatalog();
    await room.apps.write("one", aSpec("one", "env: { API_TOKEN: x }\n"));
    await room.apps.write("two", "name: [");
    await room.catalog.scan();
    const { call } = aClient(room);
    expect((await call("GET", "/api/validate")).body).toMatchObject([
      { app: "one", valid: true, findings: [{ severity: "warning" }] },
      { app: "two", valid: false },
    ]);
    expect((await call("GET", "/api/validate/one")).body).toMatchObject({ app: "one", valid: true });
    expect((await call("GET", "/api/validate/one?strictSecrets=true")).body).toMatchObject({
      valid: false,
      findings: [{ severity: "error", field: "env.API_TOKEN", line: 4 }],
    });
    expect(await call("GET", "/api/validate/none")).toMatchObject({ status: 404, body: { code: "app_not_found" } });
  });

  it("register an app from an infraspec, and answer what was wrong with one", async () => {
    await using room = await aCatalog();
    const { call } = aClient(room);
    const made = await call("POST", "/api/apps", { infraspec: aSpec("mine", "env: { API_TOKEN: hunter2 }\n"), repo });
    expect(made).toMatchObject({
      status: 201,
      body: { app: "mine", valid: true, engine: "process", spec: { name: "mine", env: { API_TOKEN: "********" } } },
    });
    expect(await room.catalog.getApp(home, "mine")).toMatchObject({ location: { kind: "git", url: repo.url, branch: "main" } });
    expect(await call("POST", "/api/apps", { infraspec: "name: x", repo })).toMatchObject({
      status: 400,
      body: { code: "infraspec_invalid", details: { findings: [{ field: "processes", line: 1 }] } },
    });
    expect(await call("POST", "/api/apps", { infraspec: aSpec("x") })).toMatchObject({ status: 400, body: { code: "source_missing" } });
    expect(await call("POST", "/api/apps", { repo })).toMatchObject({ status: 400, body: { code: "source_missing" } });
    expect(await call("POST", "/api/apps", { infraspec: aSpec("x"), repo: { url: "file:///etc" } })).toMatchObject({ status: 400 });
    expect(await call("POST", "/api/apps", { infraspec: aSpec("x"), repo: { url: "ext::sh -c id" } })).toMatchObject({ status: 400 });
    expect((await room.catalog.listApps(home)).map(({ name }) => name)).toEqual(["mine"]);
  });

  it("[A1] ask who it is: 401, 403 and 404, and nothing is changed", async () => {
    await using room = await aCatalog();
    const client = aClient(room);
    await client.call("POST", "/api/apps", { infraspec: aSpec("mine"), repo });
    const before = await room.catalog.listEveryApp();
    client.as(null);
    expect((await client.call("GET", "/api/validate")).status).toBe(401);
    expect((await client.call("POST", "/api/apps", { infraspec: aSpec("x"), repo })).status).toBe(401);
    client.as({ ...anActor(), roles: { [home]: "viewer" } });
    expect((await client.call("GET", "/api/validate")).status).toBe(200);
    expect((await client.call("POST", "/api/apps", { infraspec: aSpec("x"), repo })).status).toBe(403);
    client.as({ ...anActor(), kind: "api-key", scopes: ["apps:read"] });
    expect((await client.call("POST", "/api/apps", { infraspec: aSpec("x"), repo })).status).toBe(403);
    client.as(anActor(foreign));
    expect((await client.call("GET", "/api/validate/mine")).status).toBe(404);
    expect((await client.call("POST", "/api/apps", { infraspec: aSpec("mine"), repo })).body).toMatchObject({ code: "app_name_taken" });
    expect(await room.catalog.listEveryApp()).toEqual(before);
  });

  it("read the infraspec of a repository that is all that was named", async () => {
    await using room = await aCatalog();
    const directory = await mkdtemp(join(tmpdir(), "norns-repository-"));
    const git = (...args: string[]) =>
      execFileSync("git", ["-C", join(directory, "work"), "-c", "user.name=a", "-c", "user.email=a@b", ...args]);
    execFileSync("git", ["init", "-q", "-b", "main", join(directory, "work")]);
    await room.apps.write("no-app/x.txt", "x");
    execFileSync("cp", ["-r", join(room.apps.path, "no-app/x.txt"), join(directory, "work")]);
    git("add", "-A");
    git("commit", "-qm", "no spec");
    const publish = () => {
      execFileSync("git", ["clone", "-q", "--bare", join(directory, "work"), join(directory, "bare.git")]);
      execFileSync("git", ["-C", join(directory, "bare.git"), "update-server-info"]);
    };
    publish();
    // The plainest of git's transports: files over HTTP.
    const { createReadStream } = await import("node:fs");
    const server = createServer((req, res) => {
      const file = createReadStream(join(directory, (req.url ?? "").split("?")[0]!));
      file.on("error", () => res.writeHead(404).end());
      file.pipe(res);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/bare.git`;
    try {
      const outbound = createOutbound({ allowedNetworks: ["127.0.0.0/8"] } as never);
      const sources = createSources({ home: join(directory, "home"), outbound, log: silentLog, clock: systemClock });
      const { call } = aClient(room, { sources, scratchDir: directory });
      expect(await call("POST", "/api/apps", { repo: { url } })).toMatchObject({ status: 400, body: { code: "infraspec_missing" } });
      await room.apps.write("mine", aSpec("mine"));
      execFileSync("cp", [join(room.apps.path, "mine/infraspec.yaml"), join(directory, "work")]);
      git("add", "-A");
      git("commit", "-qm", "spec");
      await rm(join(directory, "bare.git"), { recursive: true });
      publish();
      expect(await call("POST", "/api/apps", { repo: { url } })).toMatchObject({ status: 201, body: { app: "mine" } });
      expect(await room.catalog.getApp(home, "mine")).toMatchObject({ location: { kind: "git", url } });
    } finally {
      await new Promise((resolve) => server.close(resolve));
      await rm(directory, { recursive: true, force: true });
    }
  });
});
