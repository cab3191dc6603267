import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { AppName } from "@norns/kernel/ids";
import { aWorld, actor, serverSource, webSpec, workspace, type TestServer, type World } from "./testing.ts";

describe("preflight", () => {
  let world: World;
  let server: TestServer;
  beforeAll(async () => {
    world = await aWorld();
    server = await world.open();
  });
  afterAll(() => world[Symbol.asyncDispose]());

  const tried = async (app: string) => server.end(await server.deployments.preflightApp({ workspace, actor }, app, "HEAD"));

  it("builds and tests, deploys nothing and leaves nothing behind", async () => {
    await world.commit("tried", {
      "infraspec.yaml": webSpec("tried", 'build: { command: "echo built > built.txt", test: "test -f built.txt" }\n'),
      "server.cjs": serverSource("one"),
    });
    await server.catalog.scan();
    const operation = await tried("tried");
    expect(operation).toMatchObject({ state: "succeeded", error: undefined });
    expect(operation.steps.map(({ name, state }) => `${name} ${state}`)).toEqual(["clone done", "build done", "test done", "cleanup done"]);
    expect(await server.instances("tried")).toEqual([]);
    expect(await server.deployments.listReleases(workspace, "tried")).toEqual([]);
    expect((await server.deployments.listDeployments(workspace, { app: "tried" as AppName, limit: 10 })).deployments).toEqual([]);
    expect(readdirSync(join(world.home, "work"))).toEqual([]);
    expect(readdirSync(join(world.home, "releases", "tried"))).toEqual([]);
  });

  it("finds what a deployment would fail on", async () => {
    await world.commit("failing", {
      "infraspec.yaml": webSpec("failing", 'build: { test: "echo 3 tests failed; exit 1" }\n'),
      "server.cjs": "",
    });
    await server.catalog.scan();
    const operation = await tried("failing");
    expect(operation).toMatchObject({ state: "undone", error: { code: "tests_failed" } });
    expect(readdirSync(join(world.home, "releases", "failing"))).toEqual([]);
  });
});
