/** Bad input and a bad machine, through the command: each gives a clear error or a recovery, and nothing is lost. */
import { existsSync } from "node:fs";
import { mkdir, rm, statfs, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runProgram } from "./command.ts";
import { anInstallation, until, type Installation, type Operation } from "./installation.ts";
import { processesOf } from "./machine.ts";
import { aRepository, webServer, webSpec, type Repository } from "./repository.ts";
import { whatIsWrong } from "./soundness.ts";

describe("what a person gets wrong", () => {
  let place: Installation;
  let repository: Repository;
  beforeAll(async () => {
    place = await anInstallation();
    repository = await aRepository(join(place.desk, "sturdy"), { "infraspec.yaml": webSpec("sturdy"), "server.cjs": webServer("one") });
    const ran = await deploy();
    expect(ran.code, ran.stdout + ran.stderr).toBe(0);
  });
  afterAll(() => place?.[Symbol.asyncDispose]());

  const deploy = (...args: string[]) => place.norns(["deploy", ...args], { cwd: repository.path });
  /** Whatever was tried: the good release is there, and nothing else. */
  const expectSound = async () => expect(await whatIsWrong(place, [{ app: "sturdy", says: /^\w+ \d+ / }])).toEqual([]);
  const withFiles = async (files: Record<string, string>) => {
    await repository.commit(files);
    const ran = await deploy();
    await repository.git("reset", "-q", "--hard", "HEAD~1");
    return ran;
  };

  it("[I10] a hostile infraspec is refused with the line, soon, and nothing is started", async () => {
    const head = "name: sturdy\n";
    const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\n${"bcdefghi"
      .split("")
      .map((name, index) => `${name}: &${name} [${Array(9).fill(`*${"abcdefgh"[index]}`).join(",")}]`)
      .join("\n")}\n`;
    const hostile: Record<string, string> = {
      "a process name that is a path": `${head}processes:\n  ../../etc: { command: x }\n`,
      "wrong types": `${head}processes:\n  web: { command: [a], port: many }\n`,
      "an alias bomb": `${head}${bomb}processes:\n  web: { command: x }\n`,
      "10 MB": `${head}# ${"x".repeat(10_000_000)}\nprocesses:\n  web: { command: x }\n`,
      "broken YAML": `${head}processes: [\n`,
      "[I11] a prototype": `${head}__proto__: { admin: true }\nprocesses:\n  constructor: { command: x }\n`,
      "[I2] a repository that is a program": `${head}repo: { url: "ext::sh -c touch% /tmp/owned" }\nprocesses:\n  web: { command: x }\n`,
    };
    for (const [what, text] of Object.entries(hostile)) {
      const ran = await withFiles({ "infraspec.yaml": text });
      expect(ran.code, `${what}: ${ran.stdout}${ran.stderr}`).toBeGreaterThan(0);
      expect(ran.stdout + ran.stderr, what).not.toMatch(/ {4}at |undefined|\[object/);
      expect((ran.stdout + ran.stderr).length, what).toBeLessThan(4_000);
      expect(ran.tookMs, what).toBeLessThan(10_000);
    }
    expect(existsSync("/tmp/owned")).toBe(false);
    await expectSound();
  });

  it("[I1] [I2] a ref that is an option or shell text is refused or unknown, and runs nothing", async () => {
    for (const ref of [
      "--upload-pack=touch /tmp/owned",
      "$(touch /tmp/owned)",
      "`touch /tmp/owned`",
      "main;touch /tmp/owned",
      "../../etc/passwd",
    ]) {
      const answer = await place.send("POST", "/api/apps/sturdy/deploy", { ref });
      if (answer.status === 202) expect(["failed", "undone"]).toContain((await place.ended(String(answer.body["operationId"]))).state);
      else expect(answer.status).toBe(400);
    }
    expect((await place.norns(["deploy", "sturdy", "--", "--upload-pack=x"])).code).toBeGreaterThan(0);
    expect(existsSync("/tmp/owned")).toBe(false);
    await expectSound();
  });

  it.each([
    ["dies at its start", { "server.cjs": `console.error("no configuration"); process.exit(7)` }, /no configuration/],
    [
      "listens where it likes",
      { "server.cjs": `require("node:http").createServer((q, r) => r.end("x")).listen(34917, "127.0.0.1")` },
      /34917/,
    ],
    [
      "leaves its children behind and dies",
      {
        "server.cjs": `require("node:child_process").spawn("sleep", ["7411"], { detached: true, stdio: "ignore" }).unref(); setTimeout(() => process.exit(0), 300)`,
      },
      /exit|ended/i,
    ],
    [
      "is never there",
      { "infraspec.yaml": webSpec("sturdy", { deadline: "2s" }), "server.cjs": `setInterval(() => {}, 1000)` },
      /refused|nothing listens|does not listen/i,
    ],
    [
      "has a build that fails",
      { "infraspec.yaml": webSpec("sturdy", { more: "build: { command: echo out of cheese >&2; exit 4 }" }) },
      /out of cheese[\s\S]*|exit code 4/,
    ],
    ["has a build that floods", { "infraspec.yaml": webSpec("sturdy", { more: "build: { command: yes flood }" }) }, /printed|output/i],
  ])("an app that %s fails with its own words, and the old release serves on", { timeout: 60_000 }, async (_, files, words) => {
    const ran = await withFiles(files);
    expect(ran.code, ran.stdout + ran.stderr).toBe(1);
    expect(ran.stdout).toMatch(words);
    expect(ran.stdout).toContain("stays in service");
    await expectSound();
    expect((await runProgram("ps", ["-eo", "args"], { env: {} })).stdout).not.toMatch(/^sleep 7411/m);
  });

  it("two deployments at once, and one during a rollback, come one after the other", { timeout: 60_000 }, async () => {
    await repository.commit({ "server.cjs": webServer("two") });
    const pair = await Promise.all([deploy("--json"), deploy("--json")]);
    expect(
      pair.map((ran) => ran.json<Operation>().state),
      pair.map(({ stdout }) => stdout).join(),
    ).toEqual(["succeeded", "succeeded"]);
    // Two who send an app that is not known yet.
    const fresh = await aRepository(join(place.desk, "fresh"), { "infraspec.yaml": webSpec("fresh"), "server.cjs": webServer("new") });
    const both = await Promise.all([0, 1].map(() => place.norns(["deploy", "--detach"], { cwd: fresh.path })));
    expect(
      both.map(({ code }) => code),
      both.map(({ stderr }) => stderr).join(),
    ).toEqual([0, 0]);
    for (const { stdout } of both) expect((await place.ended(stdout.trim())).state).toBe("succeeded");
    await repository.commit({ "server.cjs": webServer("three") });
    const [back, forth] = await Promise.all([place.norns(["rollback", "sturdy", "--json"]), sleep(100).then(() => deploy("--json"))]);
    expect([back.json<Operation>().state, forth.json<Operation>().state]).toEqual(["succeeded", "succeeded"]);
    expect((await place.visit("sturdy.localhost")).body).toMatch(/^three /);
    await expectSound();
  });

  it.each([
    ["build", { more: "build: { command: sleep 600 }" }],
    ["healthy", {}],
  ] as const)(
    "a deployment cancelled in the step %s ends, takes everything back and leaves the old release",
    { timeout: 60_000 },
    async (step, spec) => {
      const before = (await place.visit("sturdy.localhost")).body;
      const isHealthy = step !== "healthy";
      await repository.commit({
        "infraspec.yaml": webSpec("sturdy", { ...spec, deadline: "60s" }),
        "server.cjs": isHealthy ? webServer("four") : `setInterval(() => {}, 1000)`,
      });
      const id = (await deploy("--detach")).stdout.trim();
      await place.untilStep(id, step, "start");
      await sleep(300);
      const asked = performance.now();
      expect((await place.norns(["operations", "cancel", id])).code).toBe(0);
      const operation = await place.ended(id, 20_000);
      expect(operation.state).toBe("cancelled");
      expect(performance.now() - asked).toBeLessThan(10_000);
      await repository.git("reset", "-q", "--hard", "HEAD~1");
      expect((await place.visit("sturdy.localhost")).body).toBe(before);
      await expectSound();
      expect((await runProgram("ps", ["-eo", "args"], { env: {} })).stdout).not.toMatch(/^sleep 600/m);
    },
  );
});

/** A small disk of its own, in memory. */
async function aSmallDisk(path: string, megabytes: number): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return "only root may mount one";
  const ran = await runProgram("mount", ["-t", "tmpfs", "-o", `size=${megabytes}m,mode=0711`, "tmpfs", path], { env: {} }).catch(
    (error: Error) => ({ code: 1, stderr: error.message }),
  );
  return ran.code === 0 ? undefined : `mount says: ${ran.stderr.trim()}`;
}

describe("a disk that is full", () => {
  it("is said in words, loses nothing, and is gone on from once there is room", { timeout: 120_000 }, async (context) => {
    await using place = await anInstallation({ isStarted: false });
    const reason = await aSmallDisk(place.home, 400);
    if (reason) {
      console.log(`skipped: a disk that is full (${reason})`);
      return context.skip(reason);
    }
    await using stack = new AsyncDisposableStack();
    stack.defer(() => unmount(place));
    await place.start();
    const repository = await aRepository(join(place.desk, "tight"), { "infraspec.yaml": webSpec("tight"), "server.cjs": webServer("one") });
    const first = await place.norns(["deploy"], { cwd: repository.path });
    expect(first.code, first.stdout + first.stderr).toBe(0);

    const filler = join(place.home, "filler");
    await mkdir(filler);
    const { bavail, bsize } = await statfs(place.home);
    await writeFile(join(filler, "most"), Buffer.alloc(Math.max(0, bavail * bsize - 2_000_000), 1));
    for (let number = 0; ; number++) {
      const isFull = await writeFile(join(filler, `${number}`), Buffer.alloc(64 * 1024, 1)).then(
        () => false,
        () => true,
      );
      if (isFull) break;
    }
    await repository.commit({ "server.cjs": webServer("two"), "large.bin": "x".repeat(3_000_000) });
    const refused = await place.norns(["deploy"], { cwd: repository.path, timeoutMs: 50_000 });
    expect(refused.code, refused.stdout + refused.stderr).toBeGreaterThan(0);
    expect(refused.stdout + refused.stderr).toMatch(/full|space|disk/i);
    // Visitors notice nothing, and the control plane can still be asked.
    expect((await place.visit("tight.localhost")).body).toMatch(/^one 1 /);
    expect((await place.norns(["status"])).stdout).toContain("tight");

    await rm(filler, { recursive: true });
    const second = await until(
      "deployment with room",
      async () => {
        const ran = await place.norns(["deploy"], { cwd: repository.path });
        return ran.code === 0 ? ran : false;
      },
      40_000,
    );
    expect(second.code).toBe(0);
    expect((await place.visit("tight.localhost")).body).toMatch(/^two /);
    expect(await whatIsWrong(place, [{ app: "tight", says: /^two / }])).toEqual([]);
  });
});

/** Whatever stands on it has to end first. */
async function unmount(place: Installation): Promise<void> {
  await place.server[Symbol.asyncDispose]();
  for (const { pid } of processesOf(place.home).toSorted((one) => (one.kind === "supervisor" ? -1 : 1))) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // Gone meanwhile.
    }
  }
  await until("unmounted disk", async () => (await runProgram("umount", [place.home], { env: {} })).code === 0);
}
