import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { AppName } from "@norns/kernel/ids";
import { aWorld, actor, serverSource, until, webSpec, workspace, type TestServer, type World } from "./testing.ts";

describe("rolling back", () => {
  let world: World;
  let server: TestServer;
  beforeAll(async () => {
    world = await aWorld();
    server = await world.open();
  });
  afterAll(() => world[Symbol.asyncDispose]());

  async function released(name: string, ...bodies: string[]): Promise<void> {
    for (const body of bodies) {
      await world.commit(name, { "infraspec.yaml": webSpec(name), "server.cjs": serverSource(body) }, `Say ${body}`);
      await server.catalog.scan();
      expect(await server.deploy(name)).toMatchObject({ state: "succeeded", error: undefined });
    }
  }
  const releases = async (name: string) =>
    (await server.deployments.listReleases(workspace, name)).map(
      ({ number, state, isCurrent }) => `${number} ${state}${isCurrent ? " current" : ""}`,
    );

  it("goes two releases back after the repository was deleted and the spec edited", async () => {
    await released("two-back", "one", "two", "three");
    await world.commit("two-back", { "infraspec.yaml": webSpec("two-back").replace("exec node server.cjs", "exit 1") });
    await server.catalog.scan();
    world.removeRepository("two-back");
    const operation = await server.rollBack("two-back", "1");
    expect(operation).toMatchObject({ state: "succeeded", error: undefined });
    expect(operation.steps.map(({ name }) => name)).toEqual(["submit", "healthy", "forge", "cleanup"]);
    expect(await server.get("two-back")).toEqual({ status: 200, body: "one" });
    expect(await server.deployments.getDeployment(workspace, operation.id)).toMatchObject({
      kind: "rollback",
      status: "deployed",
      release: 1,
      fromRelease: 3,
    });
  });

  it("goes back and back again, never to what it just left", async () => {
    await released("pingpong", "one", "two", "three");
    await server.rollBack("pingpong");
    expect(await releases("pingpong")).toEqual(["3 bad", "2 good current", "1 good"]);
    await server.rollBack("pingpong");
    expect(await releases("pingpong")).toEqual(["3 bad", "2 bad", "1 good current"]);
    await expect(server.deployments.rollBackApp({ workspace, actor }, "pingpong", undefined)).rejects.toMatchObject({
      code: "no_release_to_roll_back_to",
    });
    // Chosen by name, what was left can be gone to again, and that makes nothing bad.
    await server.rollBack("pingpong", "2");
    expect(await releases("pingpong")).toEqual(["3 bad", "2 good current", "1 good"]);
    expect(await server.get("pingpong")).toEqual({ status: 200, body: "two" });
  });

  it("refuses what it cannot go back to, and says what to do", async () => {
    await world.commit("refused", { "infraspec.yaml": webSpec("refused"), "server.cjs": "process.exit(1)" });
    await server.catalog.scan();
    const back = (to?: string) => server.deployments.rollBackApp({ workspace, actor }, "refused", to);
    await expect(back()).rejects.toMatchObject({ code: "not_deployed" });
    await released("refused", "one");
    await world.commit("refused", { "server.cjs": "process.exit(1)" });
    expect((await server.deploy("refused")).state).toBe("undone");
    const [failed, current] = await server.deployments.listReleases(workspace, "refused");
    await expect(back(String(current!.number))).rejects.toMatchObject({ code: "release_is_current" });
    await expect(back(failed!.id)).rejects.toMatchObject({
      code: "release_not_kept",
      message: expect.stringContaining("norns deploy refused"),
    });
    await expect(back("99")).rejects.toMatchObject({ code: "release_not_found" });
    await expect(server.deployments.rollBackApp({ workspace, actor }, "nobody", undefined)).rejects.toMatchObject({
      code: "app_not_found",
    });
  });

  it("keeps ten releases with their artifacts, and the numbers of all", async () => {
    await using small = await aWorld({ limits: { keptReleases: 2 } });
    const own = await small.open();
    for (const body of ["one", "two", "three", "four"]) {
      await small.commit("kept", { "infraspec.yaml": webSpec("kept"), "server.cjs": serverSource(body) });
      await own.catalog.scan();
      await own.deploy("kept");
    }
    expect((await own.deployments.listReleases(workspace, "kept")).map(({ number, isKept }) => [number, isKept])).toEqual([
      [4, true],
      [3, true],
      [2, false],
      [1, false],
    ]);
    await expect(own.deployments.rollBackApp({ workspace, actor }, "kept", "1")).rejects.toMatchObject({ code: "release_not_kept" });
    await own.rollBack("kept");
    expect(await own.get("kept")).toEqual({ status: 200, body: "three" });
  });

  it("waits its turn behind a deployment, and the other way round", async () => {
    await released("turns", "one", "two");
    await world.commit("turns", { "server.cjs": serverSource("three") });
    const { operation: back } = await server.deployments.rollBackApp({ workspace, actor }, "turns", undefined);
    const forward = await server.deployments.deployApp({ workspace, actor }, "turns", "HEAD");
    const [first, second] = [await server.end(back), await server.end(forward)];
    expect([first.state, second.state]).toEqual(["succeeded", "succeeded"]);
    expect(first.finishedAt!).toBeLessThanOrEqual(second.steps[1]!.startedAt!);
    expect(await server.get("turns")).toEqual({ status: 200, body: "three" });
    expect(await server.instances("turns")).toHaveLength(1);
  });

  it("happens by itself when a new release turns unhealthy in its first minute, once", async () => {
    await released("wobbly", "one");
    await world.commit("wobbly", {
      "server.cjs": serverSource(
        "two",
        `if (req.url === "/health" && process.uptime() > 2.5) { res.statusCode = 500; return res.end("lost the database"); }`,
      ),
    });
    expect(await server.deploy("wobbly")).toMatchObject({ state: "succeeded" });
    const rollback = await until(
      "automatic rollback that is over",
      async () =>
        (await server.deployments.listDeployments(workspace, { app: "wobbly" as AppName, limit: 10 })).deployments.find(
          ({ kind, status }) => kind === "rollback" && (status === "deployed" || status === "failed"),
        ),
      30_000,
    );
    expect(rollback).toMatchObject({
      isAutomatic: true,
      status: "deployed",
      release: 1,
      fromRelease: 2,
      actor: "norns (automatic rollback)",
    });
    expect(await server.get("wobbly")).toEqual({ status: 200, body: "one" });
    expect(await releases("wobbly")).toEqual(["2 bad", "1 good current"]);
    const { events } = await server.deployments.listSaga(workspace, { app: "wobbly" as AppName, limit: 100 });
    expect(events.find(({ action }) => action === "app.unhealthy")?.message).toMatch(/answers 500.*going back to release 1/);
  });

  it("does not happen by itself where the spec says so", async () => {
    const spec = webSpec("stoic", "deployPolicy: { autoRollback: false }\n");
    await world.commit("stoic", { "infraspec.yaml": spec, "server.cjs": serverSource("one") });
    await server.catalog.scan();
    await server.deploy("stoic");
    await world.commit("stoic", {
      "server.cjs": serverSource("two", `if (req.url === "/health" && process.uptime() > 2) { res.statusCode = 500; return res.end(); }`),
    });
    await server.deploy("stoic");
    await until(
      "event that says so",
      async () =>
        (await server.deployments.listSaga(workspace, { app: "stoic" as AppName, limit: 100 })).events.find(
          ({ action, message }) => action === "app.unhealthy" && message.includes("not to roll back"),
        ),
      30_000,
    );
    expect(await releases("stoic")).toEqual(["2 good current", "1 good"]);
  });
});
