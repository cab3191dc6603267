import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { aWorld, actor, expectSound, serverSource, until, webSpec, workspace, type TestServer, type World } from "./testing.ts";

const steps = ["clone", "build", "test", "snapshot", "migrate", "submit", "healthy", "forge", "cleanup"];

describe("cancelling a deployment", () => {
  let world: World;
  let server: TestServer;
  beforeAll(async () => {
    world = await aWorld();
    server = await world.open();
    await world.commit("cancelled", { "infraspec.yaml": webSpec("cancelled"), "server.cjs": serverSource("one") });
    await server.catalog.scan();
    expect(await server.deploy("cancelled")).toMatchObject({ state: "succeeded" });
  });
  afterAll(() => world[Symbol.asyncDispose]());

  for (const step of steps)
    it(`leaves one release whole when it comes in the step ${step}`, async () => {
      const slow = 'build: { command: "sleep 0.3", test: "sleep 0.3" }\nmigrations: "sleep 0.3"\n';
      await world.commit("cancelled", { "infraspec.yaml": webSpec("cancelled", slow), "server.cjs": serverSource(step) });
      const signal = AbortSignal.timeout(20_000);
      const after = await server.events.latest();
      const id = await server.deployments.deployApp({ workspace, actor }, "cancelled", "HEAD");
      for await (const event of server.events.follow({ operation: id, after, signal }))
        if ("action" in event && event.action === "step.start" && event.metadata["step"] === step) break;
      await server.ledger.cancel(id, actor).catch((error: { code: string }) => expect(error.code).toMatch(/ended/));
      const operation = await server.end(id);
      const deployment = await server.deployments.getDeployment(workspace, id);
      const isThrough = deployment.status === "deployed";
      // Up to the switch a cancel takes everything back; after it the new release stays.
      if (steps.indexOf(step) < steps.indexOf("healthy")) expect([operation.state, isThrough]).toEqual(["cancelled", false]);
      if (steps.indexOf(step) > steps.indexOf("healthy")) expect(isThrough).toBe(true);
      await until(
        "one sound release",
        () =>
          expectSound(world, server, "cancelled", [...steps, "one"]).then(
            () => true,
            () => false,
          ),
        15_000,
      ).catch(() => expectSound(world, server, "cancelled", [...steps, "one"]));
      if (isThrough) expect(await server.get("cancelled")).toEqual({ status: 200, body: step });
    });

  it("ends a build that would go on for ever", async () => {
    await world.commit("cancelled", {
      "infraspec.yaml": webSpec("cancelled", 'build: { command: "while true; do echo building; sleep 0.05; done" }\n'),
    });
    const id = await server.deployments.deployApp({ workspace, actor }, "cancelled", "HEAD");
    await until("output", async () => {
      for await (const chunk of await server.deployments.readStepOutput(workspace, id, {
        step: "build",
        follow: false,
        signal: AbortSignal.timeout(5_000),
      }))
        if (chunk.text === "building") return true;
      return false;
    });
    await server.ledger.cancel(id, actor);
    expect((await server.end(id)).state).toBe("cancelled");
    await expectSound(world, server, "cancelled", [...steps, "one"]);
  });
});
