import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { AppName } from "@norns/kernel/ids";
import { aWorld, actor, get, serverSource, until, webSpec, workspace, type TestServer, type World } from "../deployments/testing.ts";

describe("what runs", () => {
  let world: World;
  let server: TestServer;
  beforeAll(async () => {
    world = await aWorld();
    server = await world.open();
  });
  afterAll(() => world[Symbol.asyncDispose]());

  async function deployed(name: string, spec = webSpec(name), body = "one"): Promise<void> {
    await world.commit(name, { "infraspec.yaml": spec, "server.cjs": serverSource(body) });
    await server.catalog.scan();
    expect(await server.deploy(name)).toMatchObject({ state: "succeeded", error: undefined });
  }
  const running = async (name: string) => (await server.instances(name)).filter(({ state }) => state === "running");

  it("restarts one instance after the other, so that requests are answered throughout", async () => {
    await deployed("restarted", `${webSpec("restarted")}    scaling: { min: 2 }\n`);
    const before = await running("restarted");
    const answers: string[] = [];
    const pending: Promise<void>[] = [];
    const timer = setInterval(
      () =>
        pending.push(
          get(server.port, "restarted.localhost", "/").then(
            ({ status, body }) => void answers.push(`${status} ${body}`),
            (error: Error) => void answers.push(error.message),
          ),
        ),
      10,
    );
    const operation = await server.end(await server.processes.restartApp({ workspace, actor }, "restarted"));
    clearInterval(timer);
    await Promise.all(pending);
    expect(operation).toMatchObject({ state: "succeeded", error: undefined });
    expect(new Set(answers)).toEqual(new Set(["200 one"]));
    const after = await running("restarted");
    expect(after.map(({ id }) => id).toSorted()).toEqual(before.map(({ id }) => id).toSorted());
    expect(after.every((instance) => !before.some(({ handle }) => handle === instance.handle))).toBe(true);
    const saga = await server.deployments.getSaga(workspace, operation.id);
    expect(saga.find(({ action }) => action === "app.restarted")).toMatchObject({ app: "restarted", category: "restart" });
  });

  it("scales up and down, and keeps the number over the next deployment", async () => {
    await deployed("scaled");
    const scale = async (count: number) =>
      server.end(await server.processes.scaleApp({ workspace, actor }, "scaled", { process: "web", count }));
    expect(await scale(3)).toMatchObject({ state: "succeeded", error: undefined });
    expect(await running("scaled")).toHaveLength(3);
    // Two wanted instances were not there for a moment: no reason to leave a release that is a minute old.
    const { deployments } = await server.deployments.listDeployments(workspace, { app: "scaled" as AppName, limit: 10 });
    expect(deployments.map(({ kind }) => kind)).toEqual(["deploy"]);
    await deployed("scaled", webSpec("scaled"), "two");
    expect(await running("scaled")).toHaveLength(3);
    expect(await server.processes.getStatus(workspace, "scaled")).toMatchObject({ healthy: true, desired: { web: 3 } });
    expect(await scale(1)).toMatchObject({ state: "succeeded" });
    expect(await running("scaled")).toHaveLength(1);
    expect(await server.get("scaled")).toEqual({ status: 200, body: "two" });
    expect(await scale(0)).toMatchObject({ state: "succeeded" });
    expect((await server.get("scaled")).status).toBe(503);
    expect(await server.processes.getStatus(workspace, "scaled")).toMatchObject({ healthy: true, desired: { web: 0 } });
  });

  it("refuses what cannot be scaled, and another workspace's app", async () => {
    await deployed("limits", `${webSpec("limits")}    scaling: { min: 1, max: 2 }\n`);
    const scale = (process: string, count: number) => server.processes.scaleApp({ workspace, actor }, "limits", { process, count });
    await expect(scale("nobody", 1)).rejects.toMatchObject({ code: "process_not_found", kind: "not_found" });
    await expect(scale("web", 3)).rejects.toMatchObject({ code: "scale_above_maximum" });
    const other = "ws_00000000000000000000000000" as typeof workspace;
    await expect(server.processes.getStatus(other, "limits")).rejects.toMatchObject({ code: "app_not_found" });
    await expect(server.processes.restartApp({ workspace: other, actor }, "limits")).rejects.toMatchObject({ code: "app_not_found" });
    await expect(server.processes.scaleApp({ workspace: other, actor }, "limits", { process: "web", count: 1 })).rejects.toMatchObject({
      code: "app_not_found",
    });
    await expect(server.processes.readLogs(other, "limits", { follow: false, signal: AbortSignal.timeout(1_000) })).rejects.toMatchObject({
      code: "app_not_found",
    });
    expect(JSON.parse(await server.processes.listStatusesJson(other))).toEqual([]);
  });

  it("starts again what should run and was taken away", async () => {
    await deployed("lost");
    const [instance] = await running("lost");
    await server.engine.stop([instance!.id], { signal: AbortSignal.timeout(10_000) });
    await until("the instance again", async () => (await running("lost")).length === 1, 20_000);
    await until("an answer", async () => (await server.get("lost")).body === "one");
    const { events } = await server.deployments.listSaga(workspace, { app: "lost" as AppName, limit: 20 });
    expect(events.find(({ action }) => action === "app.restored")?.message).toContain("started web.0");
  });

  it("reports an instance that belongs to no release in service, and leaves it alone", async () => {
    await deployed("orphan");
    const [instance] = await running("orphan");
    const current = (await server.processes.findCurrent(workspace, "orphan" as AppName))!;
    const { Write } = await import("@norns/kernel/database");
    const write = new Write();
    server.processes.dropCurrent(write, workspace, current.app);
    await write.commit(server.store);
    await until("report", async () =>
      (await server.deployments.listSaga(workspace, { app: current.app, limit: 20 })).events.find(({ action }) => action === "app.orphan"),
    );
    expect((await running("orphan")).map(({ id }) => id)).toEqual([instance!.id]);
  });

  it("gives the lines of an instance, by the short id too, and only of the app asked for", async () => {
    await deployed("logged");
    const { allocations } = await server.processes.getStatus(workspace, "logged");
    const read = async (app: string, instance: string) => {
      const lines: string[] = [];
      for await (const line of await server.processes.readLogs(workspace, app, {
        instance,
        follow: false,
        signal: AbortSignal.timeout(5_000),
      }))
        if ("text" in line) lines.push(line.text);
      return lines;
    };
    expect(await read("logged", allocations[0]!.id)).toContain("listening one");
    await deployed("nosy");
    await expect(read("nosy", allocations[0]!.instanceId)).rejects.toMatchObject({ code: "instance_not_found" });
  });

  it("lists the apps as text that is the same until something changes", async () => {
    await deployed("listed");
    const first = await server.processes.listStatusesJson(workspace);
    expect(JSON.parse(first)).toEqual(JSON.parse(JSON.stringify(await server.processes.listStatuses(workspace))));
    await server.end(await server.processes.scaleApp({ workspace, actor }, "listed", { process: "web", count: 2 }));
    const second = JSON.parse(await server.processes.listStatusesJson(workspace)) as { spec: { name: string }; desired: object }[];
    expect(second.find(({ spec }) => spec.name === "listed")?.desired).toEqual({ web: 2 });
  });
});
