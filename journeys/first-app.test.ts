/** A newcomer's first hour: README's commands as written, with what they answer. */
import { cp, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { root, runProgram } from "./command.ts";
import { anInstallation, until, type Installation, type Operation } from "./installation.ts";
import { processesOf } from "./machine.ts";
import { aRepository, webServer, webSpec } from "./repository.ts";
import { whatIsWrong } from "./soundness.ts";

const nineSteps = ["clone", "build", "test", "snapshot", "migrate", "submit", "healthy", "forge", "cleanup"];

/** The names of steps as the command printed them, in the order of its lines. */
const stepsIn = (output: string): string[] =>
  output
    .split("\n")
    .map((line) => /^\S ([a-z]+) +(?:[\d.,]+ ?(?:ms|s|m)|skipped)/.exec(line)?.[1])
    .filter((name) => name !== undefined);

/** Builds fetch packages from where this machine does: the server passes the variable on, as its configuration says. */
async function registryHere(): Promise<Record<string, string>> {
  const registry = (await runProgram("npm", ["config", "get", "registry"], { env: { HOME: process.env["HOME"] ?? "" } })).stdout.trim();
  const certificates = process.env["NODE_EXTRA_CA_CERTS"];
  return {
    ...(registry.startsWith("http") ? { npm_config_registry: registry } : {}),
    ...(certificates ? { NODE_EXTRA_CA_CERTS: certificates } : {}),
  };
}

describe("a first app", () => {
  let place: Installation;
  beforeAll(async () => {
    place = await anInstallation({ env: await registryHere() });
  });
  afterAll(() => place?.[Symbol.asyncDispose]());

  it("begins with a line that has the address, and a one-time link", () => {
    const lines = place.server.output().split("\n");
    expect(lines).toContainEqual(expect.stringMatching(new RegExp(`^Norns \\S+ is ready: ${place.server.url}$`)));
    expect(lines).toContainEqual(expect.stringMatching(new RegExp(`Open this link once to make it yours: ${place.server.url}/claim\\S+$`)));
  });

  it("is told what to do when there is none yet", async () => {
    const ran = await place.norns(["status"]);
    expect(ran).toMatchObject({ code: 0, stderr: "" });
    expect(ran.stdout).toContain("No apps yet.");
    expect(ran.stdout).toContain("norns deploy");
  });

  it("is deployed by README's command, followed through its nine steps, and reachable under its name", async () => {
    const ran = await runProgram("npx", ["norns", "deploy", "examples/01-hello"], { env: { NORNS_HOME: place.home, HOME: place.desk } });
    expect(ran.stderr.split("\n").filter((line) => line !== "" && !line.includes("uncommitted changes"))).toEqual([]);
    expect(ran.code, ran.stdout).toBe(0);
    expect(stepsIn(ran.stdout)).toEqual(nineSteps);
    expect(ran.stdout).toContain(`http://hello.localhost:${place.server.port}`);
    expect(ran.stdout).not.toContain("\u001b");
    const answer = await place.visit("hello.localhost");
    expect(answer).toMatchObject({ status: 200, body: expect.stringMatching(/^Hello from release 1, commit [0-9a-f]{12}\n$/) });
    const commit = (await runProgram("git", ["rev-parse", "HEAD"], { env: {} })).stdout.trim();
    expect(answer.body).toContain(commit.slice(0, 12));
  });

  it("with two processes works as one: what the web process takes the worker does", async () => {
    const ran = await place.norns(["deploy", "examples/05-two-processes"], { cwd: root });
    expect(ran.code, ran.stdout + ran.stderr).toBe(0);
    expect(stepsIn(ran.stdout)).toEqual(nineSteps);
    expect(await place.visit("orders.localhost", "/", { method: "POST" })).toMatchObject({ status: 202 });
    await until("order that is done", async () => (await place.visit("orders.localhost")).body === "0 waiting, 1 done\n");
    expect((await place.norns(["logs", "orders", "--process", "worker"])).stdout).toMatch(/worker \S{8} done: [0-9a-f-]{36}/);
    // Its README's next line: `norns scale orders worker 3`.
    expect((await place.norns(["scale", "orders", "worker", "3"])).code).toBe(0);
    const { desired, allocations } = await place.get<{ desired: object; allocations: { process: string }[] }>("/api/apps/orders");
    expect(desired).toEqual({ web: 1, worker: 3 });
    expect(allocations.filter((one) => one.process === "worker")).toHaveLength(3);
  });

  it("that is a real server installs its packages and keeps its data over an update", { timeout: 240_000 }, async () => {
    const path = join(place.desk, "packages");
    await cp(join(root, "examples/02-real-server"), path, { recursive: true });
    const repository = await aRepository(path);
    await repository.commit({}, "As in the examples");
    const ran = await place.norns(["deploy", "."], { cwd: path, timeoutMs: 150_000 });
    expect(ran.code, ran.stdout + ran.stderr).toBe(0);
    expect(stepsIn(ran.stdout)).toEqual(nineSteps);
    expect(await place.visit("packages.localhost", "/-/ping")).toMatchObject({ status: 200 });
    const user = { name: "ada", password: "correct-horse" };
    const signedUp = await place.visit("packages.localhost", "/-/user/org.couchdb.user:ada", {
      method: "PUT",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(user),
    });
    expect(signedUp.status, signedUp.body).toBe(201);
    // The volume is written by one release at a time: restart stops the old process before the new one starts.
    expect((await place.norns(["restart", "packages"])).code).toBe(0);
    const again = await place.visit("packages.localhost", "/-/user/org.couchdb.user:ada", {
      method: "PUT",
      headers: { "content-type": "application/json", authorization: `Basic ${btoa("ada:correct-horse")}` },
      body: JSON.stringify(user),
    });
    expect(again.status, again.body).toBe(201);
  });

  it("is shown by every command, for a person and as JSON", async () => {
    const person = async (...args: string[]) => {
      const ran = await place.norns(args);
      expect(ran.code, `${args.join(" ")}: ${ran.stdout}${ran.stderr}`).toBe(0);
      return ran.stdout;
    };
    expect(await person("status")).toMatch(/● hello +running +1 +[0-9a-f]{7} +1\/1 .* hello\.localhost/);
    expect(await person("app", "hello")).toMatch(/release 1[\s\S]*web +1\/1/);
    expect(await person("logs", "hello")).toContain("listening on 127.0.0.1:");
    expect(await person("saga", "-a", "hello")).toMatch(/release 1 \([0-9a-f]{7}\) of hello is deployed/);
    expect(await person("operations")).toMatch(/succeeded +apps\.deploy/);
    expect(await person("stats")).not.toBe("");
    expect(await person("health")).toContain("postgres");
    expect(await person("validate", join(root, "examples/01-hello"))).not.toBe("");
    expect(await person("audit")).toMatch(/apps\.deploy/);
    await until("sealed audit trail", async () => (await place.norns(["audit", "--verify"])).stdout.includes("chained, 0 not yet"));

    const operation = (await place.norns(["operations", "--json"])).json<Operation[]>().find((one) => one.name.endsWith("deploy"))!;
    expect(await person("operations", "show", operation.id)).toContain("healthy");
    expect(await person("saga", operation.id)).toContain("clone");
    for (const args of [
      ["status"],
      ["app", "hello"],
      ["saga"],
      ["saga", operation.id],
      ["operations"],
      ["operations", "show", operation.id],
      ["stats"],
      ["health"],
      ["audit"],
      ["audit", "--verify"],
      ["version"],
      ["workspaces"],
      ["validate", "examples/01-hello"],
    ]) {
      const ran = await place.norns([...args, "--json"], { cwd: root });
      expect(ran.code, args.join(" ")).toBe(0);
      expect(() => ran.json(), `${args.join(" ")} --json: ${ran.stdout}`).not.toThrow();
    }
    const lines = (await place.norns(["logs", "hello", "--json"])).stdout.trim().split("\n");
    for (const line of lines) expect(JSON.parse(line)).toHaveProperty("event");
  });

  it("of one's own begins with `norns init`, and goes back with one command", async () => {
    const repository = await aRepository(join(place.desk, "shop"), {
      "package.json": JSON.stringify({ name: "shop", scripts: { start: "node server.cjs" } }),
      "server.cjs": webServer("one"),
    });
    // As README says it, from the repository.
    const norns = (...args: string[]) =>
      runProgram("npx", ["--prefix", root, "norns", ...args], { cwd: repository.path, env: { NORNS_HOME: place.home, HOME: place.desk } });
    const made = await norns("init");
    expect(made.code, made.stdout + made.stderr).toBe(0);
    const guessed = await readFile(join(repository.path, "infraspec.yaml"), "utf8");
    expect(guessed).toContain("name: shop");
    expect(guessed).toMatch(/^#/m);
    await repository.commit({ "infraspec.yaml": webSpec("shop") }, "Add infraspec");
    const first = await norns("deploy");
    expect(first.code, first.stdout + first.stderr).toBe(0);
    expect((await place.visit("shop.localhost")).body).toMatch(/^one 1 /);

    await repository.commit({ "server.cjs": webServer("two") }, "Say two");
    const second = await norns("deploy", "--json");
    expect(second.json<Operation>().state).toBe("succeeded");
    expect((await place.visit("shop.localhost")).body).toMatch(/^two 2 /);

    const back = await place.norns(["rollback", "shop"]);
    expect(back.code, back.stdout + back.stderr).toBe(0);
    expect(back.stdout).toMatch(/build +skipped|release 1/);
    expect((await place.visit("shop.localhost")).body).toMatch(/^one 1 /);
  });

  it("is scaled and restarted without a lost request", async () => {
    const crowd = place.keepVisiting("shop.localhost", 50);
    const scaled = await place.norns(["scale", "shop", "web", "2"]);
    expect(scaled.code, scaled.stdout + scaled.stderr).toBe(0);
    const restarted = await place.norns(["restart", "shop"]);
    expect(restarted.code, restarted.stdout + restarted.stderr).toBe(0);
    const seen = await crowd.stop();
    expect(seen.length).toBeGreaterThan(20);
    expect(seen.filter(({ status }) => status !== 200)).toEqual([]);
    expect(await whatIsWrong(place, [{ app: "shop", says: /^one 1 / }])).toEqual([]);
  });

  it("is refused with a sentence and an exit code that scripts can branch on", async () => {
    const code = async (args: string[], env: Record<string, string> = {}, cwd = root): Promise<{ code: number; stderr: string }> =>
      place.norns(args, { env, cwd });
    expect(await code(["deploy", "nothing-here"])).toMatchObject({ code: 4, stderr: expect.stringContaining("nothing-here") });
    expect(await code(["deploy", "./no/such/place"])).toMatchObject({ code: 4 });
    expect(await code(["deploy"], {}, place.desk)).toMatchObject({ code: 2, stderr: expect.stringContaining("git") });
    expect(await code(["no-such-command"])).toMatchObject({ code: 2 });
    expect(await code(["rollback", "hello"])).toMatchObject({ code: 1, stderr: expect.stringContaining("hello") });
    expect(await code(["status"], { NORNS_TOKEN: "nora_forged" })).toMatchObject({ code: 3 });
    expect(await code(["status"], { NORNS_URL: "http://127.0.0.1:1" })).toMatchObject({
      code: 5,
      stderr: expect.stringContaining("nothing listens there"),
    });
  });

  it("outlives Ctrl-C and the next start, and ends with `norns down`", { timeout: 60_000 }, async () => {
    const before = await place.get<{ allocations: { handle: string }[] }>("/api/apps/hello");
    expect(await place.server.stop()).toBe(0);
    expect(processesOf(place.home).filter(({ kind }) => kind === "instance").length).toBeGreaterThan(0);
    expect(processesOf(place.home).filter(({ kind }) => kind === "postgres")).toEqual([]);
    await place.start();
    await until("answer of the app", async () => (await place.visit("hello.localhost")).status === 200);
    expect((await place.get<typeof before>("/api/apps/hello")).allocations.map(({ handle }) => handle)).toEqual(
      before.allocations.map(({ handle }) => handle),
    );

    const down = await place.norns(["down"]);
    expect(down.code, down.stdout + down.stderr).toBe(0);
    await until("end of every process", () => processesOf(place.home).length === 0, 20_000).catch(() => {});
    expect(processesOf(place.home)).toEqual([]);
  });
});
