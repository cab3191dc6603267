import { describe, expect, it } from "vitest";
import { aWorld, actor, get, serverSource, until, webSpec, workspace } from "./testing.ts";

describe("two servers on one database", () => {
  it("route to the same release, and a switch that one makes costs the other no request", async () => {
    await using world = await aWorld({ otherServersMs: 1_500 });
    const [one, two] = [await world.open(), await world.open()];
    await world.commit("shared", { "infraspec.yaml": webSpec("shared"), "server.cjs": serverSource("one") });
    await one.catalog.scan();
    expect(await one.deploy("shared")).toMatchObject({ state: "succeeded" });
    await until("an answer of the other server", async () => (await two.get("shared")).body === "one");
    expect(await two.processes.getStatus(workspace, "shared")).toMatchObject({ healthy: true, release: { number: 1 } });

    const bodies: string[] = [];
    const pending: Promise<void>[] = [];
    const timer = setInterval(
      () =>
        pending.push(
          get(two.port, "shared.localhost", "/").then(
            ({ status, body }) => void bodies.push(status === 200 ? body : `${status}`),
            (error: Error) => void bodies.push(error.message),
          ),
        ),
      10,
    );
    await world.commit("shared", { "server.cjs": serverSource("two") });
    expect(await one.deploy("shared")).toMatchObject({ state: "succeeded" });
    await until("the new release at the other server", async () => (await two.get("shared")).body === "two");
    clearInterval(timer);
    await Promise.all(pending);
    expect(new Set(bodies)).toEqual(new Set(["one", "two"]));
    expect(bodies.lastIndexOf("one")).toBeLessThan(bodies.length - 1);
  });

  it("roll a release back once, although both see it fall ill", async () => {
    await using world = await aWorld({ otherServersMs: 1_500 });
    const [one, two] = [await world.open(), await world.open()];
    await world.commit("ill", { "infraspec.yaml": webSpec("ill"), "server.cjs": serverSource("one") });
    await one.catalog.scan();
    await one.deploy("ill");
    await world.commit("ill", {
      "server.cjs": serverSource("two", `if (req.url === "/health" && process.uptime() > 3) { res.statusCode = 500; return res.end(); }`),
    });
    await two.deploy("ill");
    const rollbacks = async () =>
      (await one.deployments.listDeployments(workspace, { limit: 20 })).deployments.filter(({ kind }) => kind === "rollback");
    await until("rollback that is over", async () => (await rollbacks()).some(({ status }) => status === "deployed"), 30_000);
    expect(await rollbacks()).toHaveLength(1);
    for (const server of [one, two]) await until("the old release", async () => (await server.get("ill")).body === "one");
  });

  it("run an operation once, whichever of them is asked for it", async () => {
    await using world = await aWorld();
    const [one, two] = [await world.open(), await world.open()];
    await world.commit("both", { "infraspec.yaml": webSpec("both"), "server.cjs": serverSource("one") });
    await one.catalog.scan();
    const id = await one.deployments.deployApp({ workspace, actor }, "both", "HEAD");
    for (let turn = 0; turn < 5; turn++) {
      one.deliver(id);
      two.deliver(id);
    }
    expect(await one.end(id)).toMatchObject({
      state: "succeeded",
      steps: expect.arrayContaining([expect.objectContaining({ name: "submit", attempt: 1 })]),
    });
    expect(await one.instances("both")).toHaveLength(1);
  });
});
