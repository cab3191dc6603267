import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { newId, type AppName, type ReleaseId, type WorkspaceId } from "@norns/kernel/ids";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { BuildRequest } from "../port.ts";
import { openStepOutput, readStepOutput } from "../journal/index.ts";
import { findEnvironment, listStats } from "./supervisor/processes.ts";
import { jobMark } from "./job.ts";
import { supervisorMark } from "./supervisor/marks.ts";
import { aProcessEngine, type ProcessEngineUnderTest } from "./testing.ts";

let under: ProcessEngineUnderTest;
beforeAll(async () => {
  under = await aProcessEngine({
    buildEnv: { npm_config_registry: "http://registry.invalid/" },
    limits: { processes: 256, outputBytes: 8 * 1024 * 1024 },
  });
});
afterAll(() => under.cleanUp());

const workspace = newId("WorkspaceId") as WorkspaceId;
let apps = 0;

function aBuild(change: Partial<BuildRequest> = {}): BuildRequest & { printed: () => string } {
  const output: string[] = [];
  return {
    workspace,
    app: `build-${++apps}` as AppName,
    release: newId("ReleaseId") as ReleaseId,
    source: under.aSource({ "index.js": "console.log(1)" }),
    commit: "0".repeat(40),
    env: {},
    timeoutMs: 10_000,
    output: (_, chunk) => void output.push(Buffer.from(chunk).toString()),
    signal: new AbortController().signal,
    printed: () => output.join(""),
    ...change,
  };
}

const jobProcesses = () =>
  listStats().filter(({ pid }) => {
    const env = findEnvironment(pid);
    return env?.has(jobMark) && env.get(supervisorMark) === under.node;
  });

const build = async (request: BuildRequest) => ((await under.engine.build(request)) as { path: string }).path;

describe("a build", () => {
  it("copies the source, runs the command in a clean environment and seals what came out", async () => {
    process.env["NORNS_BUILD_SECRET"] = "of-the-server";
    const request = aBuild({ command: "mkdir out && echo made > out/file && env && node --version && pwd", env: { STAGE: "release" } });
    const path = await build(request);
    delete process.env["NORNS_BUILD_SECRET"];
    expect(readFileSync(join(path, "out/file"), "utf8")).toBe("made\n");
    expect(readdirSync(path).sort()).toEqual(["index.js", "out"]);
    const printed = request.printed();
    expect(printed).toContain("STAGE=release");
    expect(printed).toContain("npm_config_registry=http://registry.invalid/");
    expect(printed).toContain(`NORNS_RELEASE=${request.release}`);
    expect(printed).not.toContain("of-the-server");
    for (const name of ["", "out", "out/file", "index.js"]) {
      const { mode } = statSync(join(path, name));
      expect(mode & 0o222, name).toBe(0);
      expect(mode & 0o007, name).toBe(0);
    }
    expect(readdirSync(join(under.home, "releases", request.app))).toEqual([request.release]);
  });

  it("finds a release made the second time, and needs no source then", async () => {
    const request = aBuild({ command: "date +%N > stamp" });
    const path = await build(request);
    const stamp = readFileSync(join(path, "stamp"), "utf8");
    expect(await build({ ...request, source: "/nonexistent" })).toBe(path);
    expect(readFileSync(join(path, "stamp"), "utf8")).toBe(stamp);
  });

  it("makes one release of two builds of it at once", async () => {
    const request = aBuild();
    const other = await under.reopen();
    const [one, two] = await Promise.all([under.engine.build(request), other.build(request)]);
    await other.close();
    expect(one).toEqual(two);
    expect(readdirSync(join(under.home, "releases", request.app))).toEqual([request.release]);
  });

  it("copies without a command", async () => {
    const path = await build(aBuild());
    expect(readFileSync(join(path, "index.js"), "utf8")).toBe("console.log(1)");
  });

  it("that fails names its exit code and leaves nothing half made", async () => {
    const request = aBuild({ command: "echo because >&2; exit 9" });
    await expect(build(request)).rejects.toMatchObject({
      kind: "invalid",
      code: "command_failed",
      details: { exitCode: 9 },
      message: expect.stringContaining("exit code 9"),
    });
    expect(request.printed()).toContain("because");
    expect(readdirSync(join(under.home, "releases", request.app))).toEqual([]);
  });

  it("that never ends is ended when its time is over, with everything it started", async () => {
    const request = aBuild({
      command: "sleep 7301 & (setsid sleep 7302 &) ; trap '' TERM; echo going; while :; do sleep 1; done",
      timeoutMs: 700,
    });
    await expect(build(request)).rejects.toMatchObject({ kind: "invalid", code: "command_timed_out" });
    expect(request.printed()).toContain("going");
    expect(jobProcesses()).toEqual([]);
    expect(readdirSync(join(under.home, "releases", request.app))).toEqual([]);
  });

  it("that leaves children in the background ends with them", async () => {
    const begin = performance.now();
    const request = aBuild({ command: "sleep 7300 & (setsid nohup env -i sleep 7303 >/dev/null 2>&1 &) ; echo done" });
    const path = await build(request);
    expect(performance.now() - begin).toBeLessThan(5_000);
    expect(existsSync(path)).toBe(true);
    expect(jobProcesses()).toEqual([]);
    // Even one that threw its environment away: as root the build's user has no process left, otherwise its namespace is gone.
    const { stdout } = spawnSync("ps", ["-eo", "args"], { encoding: "utf8" });
    expect(stdout.split("\n").filter((line) => /^sleep 730[0-3]/.test(line))).toEqual([]);
  });

  it("that floods is ended, and its step keeps head and tail", async () => {
    const step = { home: under.home, app: "flood", operation: "op_flood", step: "build" };
    const output = openStepOutput({ ...step, now: Date.now });
    const request = aBuild({
      command: "i=0; while :; do i=$((i+1)); echo $i yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy; done",
      output: output.sink,
    });
    await expect(build(request)).rejects.toMatchObject({ kind: "invalid", code: "command_printed_too_much" });
    output.close();
    const lines: string[] = [];
    let gaps = 0;
    for await (const entry of readStepOutput({ ...step, follow: false, signal: new AbortController().signal })) {
      if ("gap" in entry) gaps++;
      else lines.push(entry.text);
    }
    expect(lines[0]).toMatch(/^1 y/);
    expect(Number(lines.at(-2)!.split(" ")[0])).toBeGreaterThan(50_000);
    expect(gaps).toBe(1);
  });

  it("that is cancelled ends at once, with everything it started", async () => {
    const cancel = new AbortController();
    const building = build(aBuild({ command: "sleep 7304 & sleep 7305", signal: cancel.signal }));
    setTimeout(() => cancel.abort(new Error("cancelled by a person")), 300);
    await expect(building).rejects.toThrow("cancelled by a person");
    expect(jobProcesses()).toEqual([]);
  });

  it("that is a fork bomb is bounded and leaves nothing", async () => {
    const request = aBuild({ command: "bomb() { bomb | bomb & }; bomb; sleep 1; echo survived", timeoutMs: 3_000 });
    await build(request).catch(() => {});
    expect(jobProcesses()).toEqual([]);
  }, 60_000);

  it("gives away no set-uid bit, follows no link, and refuses pipes in the source", async () => {
    const source = under.aSource({ tool: "#!/bin/sh\n" });
    symlinkSync("/etc/passwd", join(source, "link"));
    mkdirSync(join(source, "deep"));
    const path = await build(aBuild({ source, command: "chmod 6755 tool" }));
    expect(statSync(join(path, "tool")).mode & 0o6000).toBe(0);
    expect(statSync(join(path, "tool")).mode & 0o100).not.toBe(0);
    expect(lstatSync(join(path, "link")).isSymbolicLink()).toBe(true);
    expect(statSync("/etc/passwd").mode & 0o777).toBe(0o644);
    const odd = under.aSource({});
    spawnSync("mkfifo", [join(odd, "pipe")]);
    await expect(build(aBuild({ source: odd }))).rejects.toMatchObject({ code: "source_invalid" });
  });

  it("refuses a source beyond its bounds", async () => {
    const tight = await aProcessEngine({ limits: { source: { files: 20, bytes: 1000 } } });
    try {
      const source = tight.aSource({ big: "x".repeat(2000) });
      await expect(tight.engine.build({ ...aBuild({ source }) })).rejects.toMatchObject({ kind: "quota", code: "source_too_large" });
    } finally {
      await tight.cleanUp();
    }
  });

  it("of a server that was killed is ended, and cleared away, by the next", async () => {
    const request = aBuild({ command: "sleep 7306" });
    const script = `
      import { createProcessEngine } from ${JSON.stringify(new URL("./index.ts", import.meta.url).pathname)};
      const silent = { debug() {}, info() {}, warn() {}, error() {}, child() { return silent; } };
      const engine = createProcessEngine({ home: ${JSON.stringify(under.home)}, node: ${JSON.stringify(under.node)}, log: silent, clock: { now: Date.now, sleep() {} }, buildEnv: {} });
      const request = ${JSON.stringify({ ...request, output: undefined, signal: undefined, printed: undefined })};
      void engine.build({ ...request, output() {}, signal: new AbortController().signal });
      setInterval(() => {}, 1000);
      `;
    const { spawn } = await import("node:child_process");
    const server = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: "inherit" });
    await expect.poll(() => jobProcesses().length, { timeout: 10_000 }).toBeGreaterThan(0);
    server.kill("SIGKILL");
    await new Promise((resolve) => server.once("exit", resolve));
    // Under bubblewrap it ends with its server; otherwise it is still there.
    const next = await under.reopen();
    await next.support();
    expect(jobProcesses()).toEqual([]);
    expect(readdirSync(join(under.home, "releases", request.app))).toEqual([]);
    await next.close();
  });

  it("removes a release, and nothing that is none", async () => {
    const path = await build(aBuild());
    await under.engine.removeArtifact({ kind: "directory", path });
    await under.engine.removeArtifact({ kind: "directory", path });
    expect(existsSync(path)).toBe(false);
    writeFileSync(join(under.home, "precious"), "");
    for (const wrong of [
      "/",
      under.home,
      join(under.home, "precious"),
      join(under.home, "releases"),
      `${under.home}/releases/a/../../precious`,
    ]) {
      await expect(under.engine.removeArtifact({ kind: "directory", path: wrong })).rejects.toMatchObject({ code: "artifact_foreign" });
    }
  });
});
