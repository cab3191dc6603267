import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { AppName, OperationId } from "@norns/kernel/ids";
import { aWorld, actor, get, serverSource, until, webSpec, workspace, type TestServer, type World } from "./testing.ts";

describe("deploying an app", () => {
  let world: World;
  let server: TestServer;
  beforeAll(async () => {
    world = await aWorld();
    server = await world.open();
  });
  afterAll(() => world[Symbol.asyncDispose]());

  /** The app in release 1, whose body is `one`. */
  async function deployed(name: string, spec = webSpec(name), source = serverSource("one")): Promise<string> {
    const commit = await world.commit(name, { "infraspec.yaml": spec, "server.cjs": source }, "Say one");
    await server.catalog.scan();
    const operation = await server.deploy(name);
    expect(operation).toMatchObject({ state: "succeeded", error: undefined });
    return commit;
  }

  /** 100 requests a second, every answer kept, until it is told to stop. */
  function watched(name: string) {
    const bodies: string[] = [];
    const pending: Promise<void>[] = [];
    const timer = setInterval(() => {
      pending.push(
        get(server.port, `${name}.localhost`, "/").then(
          ({ status, body }) => void bodies.push(status === 200 ? body : `${status}`),
          (error: Error) => void bodies.push(error.message),
        ),
      );
    }, 10);
    return async () => {
      clearInterval(timer);
      await Promise.all(pending);
      return bodies;
    };
  }

  it("builds it, starts it, and answers under its name", async () => {
    const commit = await deployed("hello");
    const { deployments } = await server.deployments.listDeployments(workspace, { limit: 1 });
    const operation = (await server.ledger.find(deployments[0]!.id as OperationId))!;
    expect(operation.steps.map(({ name, state }) => `${name} ${state}`)).toEqual([
      "clone done",
      "build done",
      "test skipped",
      "snapshot skipped",
      "migrate skipped",
      "submit done",
      "healthy done",
      "forge done",
      "cleanup done",
    ]);
    expect(operation.steps[3]!.skipReason).toBe("No postgres block in the spec.");
    expect(await server.get("hello")).toEqual({ status: 200, body: "one" });
    expect(await server.deployments.getDeployment(workspace, operation.id)).toMatchObject({
      app: "hello",
      status: "deployed",
      commitSha: commit,
      imageTag: `hello:${commit.slice(0, 12)}`,
      release: 1,
      actor: actor.label,
    });
    expect(await server.processes.getStatus(workspace, "hello")).toMatchObject({
      healthy: true,
      nomadStatus: "running",
      release: { number: 1, commit },
    });
  });

  it("changes to the new release without losing a request", async () => {
    await deployed("rolling");
    const stop = watched("rolling");
    await world.commit("rolling", { "server.cjs": serverSource("two") });
    expect(await server.deploy("rolling")).toMatchObject({ state: "succeeded" });
    await until("answer of the new release", async () => (await server.get("rolling")).body === "two");
    const bodies = await stop();
    expect(new Set(bodies)).toEqual(new Set(["one", "two"]));
    expect(bodies.lastIndexOf("one")).toBeLessThan(bodies.length - 1);
    expect(await server.instances("rolling")).toHaveLength(1);
  });

  it("lets a request that is under way finish before the old instance stops", async () => {
    await deployed("slow");
    await world.commit("slow", { "server.cjs": serverSource("two") });
    const slow: Promise<{ body: string }>[] = [];
    const timer = setInterval(() => slow.push(server.get("slow", "/slow")), 50);
    expect(await server.deploy("slow")).toMatchObject({ state: "succeeded" });
    clearInterval(timer);
    const bodies = (await Promise.all(slow)).map(({ body }) => body);
    expect(bodies).toContain("one");
    expect(bodies.filter((body) => body !== "one" && body !== "two")).toEqual([]);
  });

  it("keeps the old release serving when the new one is never healthy, and says why", async () => {
    await deployed("broken");
    const stop = watched("broken");
    await world.commit("broken", {
      "infraspec.yaml": webSpec("broken").replace("deadline: 8s", "deadline: 2s"),
      "server.cjs": serverSource("two", `if (req.url === "/health") { res.statusCode = 503; return res.end("database is away"); }`),
    });
    const operation = await server.deploy("broken");
    expect(operation).toMatchObject({ state: "undone", error: { code: "not_healthy", step: "healthy" } });
    expect(operation.error!.message).toContain("web.0 answered 503 to GET /health");
    expect(operation.error!.message).toMatch(/Release 1 \([0-9a-f]{7}\) stays in service\./);
    expect(operation.error!.details).toMatchObject({
      stays: { release: 1 },
      evidence: [
        { status: 503, body: "database is away", process: "web", logs: expect.arrayContaining([expect.stringContaining("listening")]) },
      ],
    });
    expect(new Set(await stop())).toEqual(new Set(["one"]));
    expect(await server.instances("broken")).toHaveLength(1);
    expect(
      (await server.deployments.listReleases(workspace, "broken")).map(({ number, state, isCurrent, isKept }) => ({
        number,
        state,
        isCurrent,
        isKept,
      })),
    ).toEqual([
      { number: 2, state: "bad", isCurrent: false, isKept: false },
      { number: 1, state: "good", isCurrent: true, isKept: true },
    ]);
    const saga = await server.deployments.getSaga(workspace, operation.id);
    expect(saga.find(({ action }) => action === "deploy.failed")).toMatchObject({
      message: expect.stringContaining("Release 1"),
      metadata: { stays: "1", status: "503", step: "healthy" },
    });
  });

  it("is not fooled by an old release that answers where the new one should", async () => {
    await deployed("impostor");
    // The new one does not listen at all; every name of the app goes on answering.
    await world.commit("impostor", {
      "infraspec.yaml": webSpec("impostor").replace("deadline: 8s", "deadline: 1500ms"),
      "server.cjs": "setInterval(() => {}, 1000);",
    });
    const operation = await server.deploy("impostor");
    expect(operation).toMatchObject({ state: "undone", error: { code: "not_healthy" } });
    expect(operation.error!.message).toContain("connection refused");
    expect(await server.get("impostor")).toEqual({ status: 200, body: "one" });
  });

  it("says so when the app listens on a port of its own choice", async () => {
    await deployed("stubborn");
    await world.commit("stubborn", {
      "infraspec.yaml": webSpec("stubborn").replace("deadline: 8s", "deadline: 2s"),
      "server.cjs": serverSource("two").replace("process.env.PORT", "0"),
    });
    const operation = await server.deploy("stubborn");
    expect(operation.error?.message).toMatch(/web\.0 did not answer GET \/health .*listens on/);
    expect(await server.get("stubborn")).toEqual({ status: 200, body: "one" });
  });

  it("fails at once when the app exits, with its exit code and last lines", async () => {
    await deployed("exits");
    await world.commit("exits", { "server.cjs": `console.error("cannot find the database"); process.exit(7);` });
    const before = performance.now();
    const operation = await server.deploy("exits");
    expect(performance.now() - before).toBeLessThan(6_000);
    expect(operation.error).toMatchObject({
      code: "not_healthy",
      details: { evidence: [{ exit: { code: 7 }, logs: expect.arrayContaining(["cannot find the database"]) }] },
    });
    expect(operation.error!.message).toContain("web.0 exited with code 7");
    expect(await server.get("exits")).toEqual({ status: 200, body: "one" });
  });

  it("says what a failed build printed, and lets its output be read", async () => {
    await deployed("unbuildable");
    await world.commit("unbuildable", {
      "infraspec.yaml": webSpec("unbuildable", 'build: { command: "echo compiling; echo missing module >&2; exit 2" }\n'),
    });
    const operation = await server.deploy("unbuildable");
    expect(operation).toMatchObject({
      state: "undone",
      error: { code: "command_failed", step: "build", details: { exitCode: 2, output: expect.arrayContaining(["missing module"]) } },
    });
    const lines = [];
    for await (const chunk of await server.deployments.readStepOutput(workspace, operation.id, {
      follow: true,
      signal: AbortSignal.timeout(5_000),
    }))
      lines.push(chunk);
    expect(lines.filter(({ step }) => step === "build").map(({ stream, text }) => `${stream} ${text}`)).toEqual(
      expect.arrayContaining(["stdout compiling", "stderr missing module"]),
    );
    expect(await server.get("unbuildable")).toEqual({ status: 200, body: "one" });
  });

  it("runs tests and migrations in the release, and stops when they fail", async () => {
    const spec = (test: string, migrations: string) =>
      webSpec("checked", `build: { test: "${test}" }\nmigrations: "${migrations}"\nenv: { WORD: abracadabra }\n`);
    await deployed("checked", spec("test -f server.cjs && test $WORD = abracadabra", "echo migrated"));
    await world.commit("checked", { "infraspec.yaml": spec("false", "true") });
    expect((await server.deploy("checked")).error).toMatchObject({
      code: "tests_failed",
      step: "test",
      message: expect.stringContaining("Release 1"),
    });
    await world.commit("checked", { "infraspec.yaml": spec("true", "exit 3") });
    const failed = await server.deploy("checked");
    expect(failed.error).toMatchObject({ code: "migrations_failed", step: "migrate" });
    expect(await server.get("checked")).toEqual({ status: 200, body: "one" });
  });

  it("never deploys an invalid spec, and says what is wrong with it", async () => {
    await deployed("invalid");
    await world.commit("invalid", { "infraspec.yaml": "name: invalid\nprocesses:\n  web: { command: a, port: many }\n" });
    await server.catalog.scan();
    await expect(server.deployments.deployApp({ workspace, actor }, "invalid", "HEAD")).rejects.toMatchObject({
      code: "infraspec_invalid",
      details: { findings: expect.any(Array) },
    });
    expect(await server.get("invalid")).toEqual({ status: 200, body: "one" });
  });

  it("refuses a source whose spec names another app", async () => {
    await deployed("renamed");
    const commit = await world.commit("renamed", { "infraspec.yaml": webSpec("other") });
    await world.commit("renamed", { "infraspec.yaml": webSpec("renamed") });
    await server.catalog.scan();
    expect((await server.deploy("renamed", commit)).error).toMatchObject({ code: "infraspec_name_differs" });
  });

  it("[I2] refuses refs that are options, and takes refs with shell signs for what they are: unknown", async () => {
    await deployed("refs");
    for (const ref of ["-x", "--upload-pack=touch /tmp/pwned", "a b", "a\nb"])
      await expect(server.deployments.deployApp({ workspace, actor }, "refs", ref)).rejects.toMatchObject({ code: "ref_invalid" });
    expect((await server.deploy("refs", "$(touch${IFS}/tmp/pwned)")).error?.code).toMatch(/^ref_(not_found|invalid)$/);
  });

  it("deploys an app that only has work to be run at times: what is built is healthy", async () => {
    await world.commit("nightly", {
      "infraspec.yaml": "name: nightly\nprocesses:\n  clean: { command: node clean.js, schedule: '0 3 * * *' }\n",
      "clean.js": "",
    });
    await server.catalog.scan();
    const operation = await server.deploy("nightly");
    expect(operation).toMatchObject({ state: "succeeded" });
    expect(operation.steps.find(({ name }) => name === "forge")).toMatchObject({ state: "skipped" });
    expect(await server.processes.getStatus(workspace, "nightly")).toMatchObject({ healthy: true, allocations: [] });
  });

  it("deploys one commit after the other when two are asked for at once", async () => {
    await deployed("twice");
    await world.commit("twice", { "server.cjs": serverSource("two") });
    const [first, second] = await Promise.all([
      server.deployments.deployApp({ workspace, actor }, "twice", "HEAD"),
      server.deployments.deployApp({ workspace, actor }, "twice", "HEAD"),
    ]);
    const ends = await Promise.all([server.end(first), server.end(second)]);
    expect(ends.map(({ state }) => state)).toEqual(["succeeded", "succeeded"]);
    const [early, late] = ends.toSorted((left, right) => left.startedAt! - right.startedAt!);
    expect(early!.finishedAt!).toBeLessThanOrEqual(late!.steps[1]!.startedAt!);
    expect(await server.instances("twice")).toHaveLength(1);
    expect((await server.deployments.listReleases(workspace, "twice")).map(({ number }) => number)).toEqual([3, 2, 1]);
  });

  it("replaces a release that owns a volume in its place, and puts it back when the new one fails", async () => {
    const volumes = "volumes: [{ name: data, mount: /data }]\n";
    const source = (body: string) => `
const fs = require("node:fs"); const path = process.env.NORNS_VOLUME_DATA + "/owner";
if (fs.existsSync(path)) { console.error("somebody else has it"); process.exit(9); }
fs.writeFileSync(path, "${body}");
${serverSource(body)}
process.on("exit", () => fs.rmSync(path, { force: true }));`;
    await deployed("volume", webSpec("volume", volumes), source("one"));
    await world.commit("volume", { "server.cjs": source("two") });
    expect(await server.deploy("volume")).toMatchObject({ state: "succeeded" });
    expect(await server.get("volume")).toEqual({ status: 200, body: "two" });

    await world.commit("volume", { "server.cjs": "process.exit(1)" });
    const failed = await server.deploy("volume");
    expect(failed).toMatchObject({ state: "undone" });
    expect(failed.error!.message).toContain("had been stopped for the update");
    await until("the old release again", async () => (await server.get("volume")).body === "two");
    // Having been stopped for the update made it look ill, and that is nobody's reason to leave it.
    expect(
      (await server.deployments.listDeployments(workspace, { app: "volume" as AppName, limit: 10 })).deployments.map(
        ({ kind, status }) => `${kind} ${status}`,
      ),
    ).toEqual(["deploy failed", "deploy deployed", "deploy deployed"]);
  });
});
