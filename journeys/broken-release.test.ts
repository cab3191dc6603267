/** What visitors notice of a release that fails: nothing. And of one that does not: the change, and no gap. */
import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { root } from "./command.ts";
import { anInstallation, type Installation, type Operation } from "./installation.ts";
import { aRepository, webServer, webSpec, type Repository } from "./repository.ts";
import { whatIsWrong } from "./soundness.ts";
import type { Visit } from "./visitor.ts";

const perSecond = 100;

/** Bodies in the order in which they were answered first, each once. */
const inOrder = (seen: readonly Visit[]): string[] => [
  ...new Set(seen.toSorted((one, other) => one.at - other.at).map(({ body }) => body)),
];
const failed = (seen: readonly Visit[]): Visit[] => seen.filter(({ status }) => status !== 200);

describe("a deployment at 100 requests a second", () => {
  let place: Installation;
  let fragile: Repository;
  beforeAll(async () => {
    place = await anInstallation();
    const path = join(place.desk, "fragile");
    await cp(join(root, "examples/04-broken-release"), path, { recursive: true });
    fragile = await aRepository(path);
    await fragile.commit({}, "good");
    const first = await place.norns(["deploy", "."], { cwd: path });
    expect(first.code, first.stdout + first.stderr).toBe(0);
  });
  afterAll(() => place?.[Symbol.asyncDispose]());

  it("of example 04 fails with the health answer and the last lines, and every visitor is served by the release that stays", async () => {
    const spec = await readFile(join(fragile.path, "infraspec.yaml"), "utf8");
    await writeFile(join(fragile.path, "infraspec.yaml"), spec.replace("MODE: good", "MODE: broken"));
    await fragile.commit({}, "broken");
    const before = await place.get<{ release: { commit: string } }>("/api/apps/fragile");

    const crowd = place.keepVisiting("fragile.localhost", perSecond);
    const started = performance.now();
    const ran = await place.norns(["deploy", "."], { cwd: fragile.path });
    const tookMs = performance.now() - started;
    const seen = await crowd.stop();

    expect(failed(seen)).toEqual([]);
    expect(inOrder(seen)).toEqual(["release 1, good\n"]);
    expect(seen.length).toBeGreaterThan((tookMs / 1000) * perSecond * 0.9);
    expect(ran.code).toBe(1);
    expect(ran.stdout).toMatch(/✕ healthy/);
    expect(ran.stdout).toContain("web.0 answered 500");
    expect(ran.stdout).toContain("no connection to the database");
    expect(ran.stdout).toContain("health: no connection to the database");
    expect(ran.stdout).toContain(`Release 1 (${before.release.commit.slice(0, 7)}) stays in service.`);

    const id = /op_[0-9a-z]{26}/.exec(ran.stdout)![0];
    const operation = await place.operation(id);
    expect(operation).toMatchObject({
      state: "undone",
      error: { step: "healthy", details: { stays: { release: 1, commit: before.release.commit } } },
    });
    const { evidence } = operation.error!.details as { evidence: { status: number; body: string }[] };
    expect(evidence[0]).toMatchObject({ process: "web", status: 500, body: expect.stringContaining("no connection to the database") });
    expect(JSON.stringify(evidence[0])).toContain("health: no connection to the database");
    const saga = (await place.norns(["saga", id])).stdout;
    expect(saga).toContain(`Release 1 (${before.release.commit.slice(0, 7)}) stays in service`);
    expect(await whatIsWrong(place)).toEqual([]);
  });

  it("of a good release answers every request, first by the old one and then by the new one", async () => {
    const repository = await aRepository(join(place.desk, "rolling"), {
      "infraspec.yaml": webSpec("rolling", { web: "    scaling: { min: 2 }\n" }),
      "server.cjs": webServer("old"),
    });
    const first = await place.norns(["deploy"], { cwd: repository.path });
    expect(first.code, first.stdout + first.stderr).toBe(0);
    await repository.commit({ "server.cjs": webServer("new") });

    const crowd = place.keepVisiting("rolling.localhost", perSecond);
    const second = await place.norns(["deploy", "--json"], { cwd: repository.path });
    // To the end of the old instances, and a second beyond.
    expect(await whatIsWrong(place, [{ app: "rolling", says: /^new 2 / }])).toEqual([]);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const seen = await crowd.stop();

    expect(second.json<Operation>().state).toBe("succeeded");
    expect(failed(seen)).toEqual([]);
    expect(inOrder(seen).map((body) => body.split(" ")[0])).toEqual(["old", "new"]);
    // While two instances change one after the other both may answer; once the switch is over no old one does.
    const { finishedAt } = second.json<Operation>();
    expect(seen.filter(({ at, body }) => at > finishedAt! && !body.startsWith("new "))).toEqual([]);
  });

  it("of a release that is healthy only because the old one answers fails", async () => {
    // The new process gives no answer of its own: it hopes that whoever asks on the old one's port asks for it.
    const repository = await aRepository(join(place.desk, "impostor"), {
      "infraspec.yaml": webSpec("impostor", { deadline: "3s" }),
      "server.cjs": webServer("honest"),
    });
    expect((await place.norns(["deploy"], { cwd: repository.path })).code).toBe(0);
    const answer = await place.get<{ allocations: { address: string }[] }>("/api/apps/impostor");
    const port = answer.allocations[0]!.address.split(":").at(-1);
    const impostor = `
      const http = require("node:http");
      // Stays alive, and knows that the name and the old instance are healthy.
      setInterval(() => http.get({ host: "127.0.0.1", port: ${port}, path: "/health" }, (answer) => { answer.resume(); console.log("healthy", answer.statusCode); }).on("error", () => {}), 200);`;
    await repository.commit({ "server.cjs": impostor });
    const crowd = place.keepVisiting("impostor.localhost", perSecond);
    const ran = await place.norns(["deploy"], { cwd: repository.path });
    const seen = await crowd.stop();
    expect(ran.code, ran.stdout).toBe(1);
    expect(ran.stdout).toMatch(/refused|nothing listens/i);
    expect(failed(seen)).toEqual([]);
    expect(inOrder(seen).map((body) => body.split(" ")[0])).toEqual(["honest"]);
    expect(await whatIsWrong(place, [{ app: "impostor", says: /^honest 1 / }])).toEqual([]);
  });

  it("of a release that is healthy once and then never takes itself back", async () => {
    const repository = await aRepository(join(place.desk, "wobbly"), {
      "infraspec.yaml": webSpec("wobbly"),
      "server.cjs": webServer("steady"),
    });
    expect((await place.norns(["deploy"], { cwd: repository.path })).code).toBe(0);
    await repository.commit({
      "server.cjs": webServer("wobbly", `if (req.url === "/health" && process.uptime() > 4) return res.writeHead(500).end("tired");`),
    });
    expect((await place.norns(["deploy"], { cwd: repository.path })).code).toBe(0);
    const crowd = place.keepVisiting("wobbly.localhost", perSecond);
    const end = Date.now() + 20_000;
    while (Date.now() < end && !(await place.visit("wobbly.localhost")).body.startsWith("steady"))
      await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await whatIsWrong(place, [{ app: "wobbly", says: /^steady 1 / }])).toEqual([]);
    const seen = await crowd.stop();
    expect(failed(seen).filter(({ status }) => status !== 503)).toEqual([]);
    expect((await place.norns(["saga", "-a", "wobbly"])).stdout).toMatch(/roll/i);
    const operations = await place.get<Operation[]>("/api/operations?limit=20");
    expect(operations.find(({ name, subject }) => name.includes("rollback") && subject.endsWith("wobbly"))).toMatchObject({
      state: "succeeded",
    });
  });
});
