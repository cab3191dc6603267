import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { aWorld, expectSound, serverSource, webSpec, workspace, type TestServer, type World } from "./testing.ts";

describe("limits of builds, tests and migrations", () => {
  let world: World;
  let server: TestServer;
  beforeAll(async () => {
    world = await aWorld({ limits: { buildMs: 6_000, testMs: 1_000, migrateMs: 1_000 } });
    server = await world.open();
    await world.commit("bounded", { "infraspec.yaml": webSpec("bounded"), "server.cjs": serverSource("one") });
    await server.catalog.scan();
    expect(await server.deploy("bounded")).toMatchObject({ state: "succeeded" });
  });
  afterAll(() => world[Symbol.asyncDispose]());

  for (const [step, block] of [
    ["build", 'build: { command: "sleep 60" }\n'],
    ["test", 'build: { test: "sleep 60" }\n'],
    ["migrate", 'migrations: "sleep 60"\n'],
  ] as const)
    it(`end a ${step} that takes too long, once, and nothing of it is left`, async () => {
      await world.commit("bounded", { "infraspec.yaml": webSpec("bounded", block) });
      const before = performance.now();
      const operation = await server.deploy("bounded");
      expect(performance.now() - before).toBeLessThan(20_000);
      expect(operation).toMatchObject({
        state: "undone",
        error: { step, message: expect.stringMatching(/within \d s .*Release 1 .* stays in service/) },
      });
      expect(operation.steps.find(({ name }) => name === step)).toMatchObject({ attempt: 1 });
      await expectSound(world, server, "bounded", ["one"]);
    });

  it("keep the head and the tail of what floods, and go on", async () => {
    await world.commit("bounded", {
      "infraspec.yaml": webSpec(
        "bounded",
        "build: { command: \"echo first; head -c 12000000 /dev/zero | tr '\\\\0' 'x' | fold -w 100; echo; echo last\" }\n",
      ),
      "server.cjs": serverSource("two"),
    });
    const operation = await server.deploy("bounded");
    expect(operation).toMatchObject({ state: "succeeded", error: undefined });
    const texts: string[] = [];
    for await (const { text } of await server.deployments.readStepOutput(workspace, operation.id, {
      step: "build",
      follow: false,
      signal: AbortSignal.timeout(60_000),
    })) {
      // Slower than any patience with a step that is over: what is there is told to its end.
      if (texts.length === 1_000) await new Promise((resolve) => setTimeout(resolve, 1_500));
      texts.push(text);
    }
    expect(texts).toContain("first");
    expect(texts).toContain("last");
    expect(texts.join("").length).toBeLessThan(6_000_000);
  });

  it("shows only what was named of the server's environment, and nothing of Norns' home", async () => {
    process.env["NORNS_TEST_SECRET"] = "do-not-tell-anybody";
    await world.commit("bounded", { "infraspec.yaml": webSpec("bounded", 'build: { command: "env; exit 1" }\n') });
    const operation = await server.deploy("bounded");
    delete process.env["NORNS_TEST_SECRET"];
    const printed = JSON.stringify(operation.error);
    expect(printed).toContain("BUILD_NUMBER=");
    expect(printed).not.toContain("do-not-tell-anybody");
    expect(printed).not.toContain("DATABASE_URL");
  });
});
