import { spawn } from "node:child_process";
import { createServer } from "node:http";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { newId, type InstanceId } from "@norns/kernel/ids";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { getText, until } from "../conformance.ts";
import { probeOnce } from "../health.ts";
import type { Instance, Workload } from "../workload.ts";
import { aGroup, aWorkload, linesOf } from "./fixtures.ts";
import { findEnvironment, findStat, listStats, sendSignal } from "./supervisor/processes.ts";
import { instanceMark } from "./supervisor/marks.ts";
import { aProcessEngine, type ProcessEngineUnderTest } from "./testing.ts";

let under: ProcessEngineUnderTest;
beforeAll(async () => {
  under = await aProcessEngine({ limits: { processes: 128 } });
});
afterAll(() => under.cleanUp());

const signal = new AbortController().signal;
const apply = (workload: Workload, keepUp = true) => under.engine.apply(workload, { keepUp, signal });
const observe = (workload: Workload) => under.engine.observe(workload);
const stop = (instances: readonly Instance[]) =>
  under.engine.stop(
    instances.map(({ id }) => id),
    { signal },
  );
const texts = async (workload: Workload) =>
  (await linesOf(under.engine, workload)).flatMap((entry) => ("text" in entry ? [entry.text] : []));
const marked = (id: InstanceId) => listStats().filter(({ pid }) => findEnvironment(pid)?.get(instanceMark) === id);
const exited = (workload: Workload) => until("the exit", async () => (await observe(workload)).find(({ state }) => state === "exited"));
const service = (command: string, change = {}) => aGroup(command, { kind: "service", port: 8080, ...change });

describe("the process engine", () => {
  it("passes over a port that somebody else listens on", async () => {
    const workload = aWorkload(under.artifact, "port-taken", service(under.serveCommand));
    const [first] = await apply(workload);
    const { port } = first!.address!;
    await until("an answer", async () => (await getText(first!.address!)) === workload.release);
    // The app ends, somebody takes its port before it is started again.
    const squatter = createServer();
    sendSignal(Number(first!.handle.slice(4)), "SIGKILL");
    await until(
      "the port",
      () => new Promise<boolean>((resolve) => squatter.once("error", () => resolve(false)).listen(port, "127.0.0.1", () => resolve(true))),
    );
    const again = await until("another port", async () =>
      (await observe(workload)).find(({ state, restarts, address }) => state === "running" && restarts > 0 && address!.port !== port),
    );
    await until("an answer", async () => (await getText(again.address!)) === workload.release);
    squatter.close();
    await stop([again]);
  });

  it("says where an app listens that ignores PORT", async () => {
    const workload = aWorkload(
      under.artifact,
      "ignores-port",
      service(`exec node -e 'require("http").createServer((q,a)=>a.end()).listen(28123,"127.0.0.1",()=>console.log("up"))'`),
    );
    const [instance] = await apply(workload);
    await until("up", async () => (await texts(workload)).includes("up"));
    const seen = await probeOnce(instance!.address!, { path: "/", timeoutMs: 1000 }, signal);
    expect(seen).toMatchObject({ healthy: false, error: "connection refused: nothing listens there" });
    expect(await under.engine.explain!(instance!.id)).toBe(
      `it listens on port 28123, not on ${instance!.address!.port}, which Norns gave it as PORT`,
    );
    await stop([instance!]);
    const silent = aWorkload(under.artifact, "silent", service("sleep 60"));
    const [quiet] = await apply(silent);
    expect(await under.engine.explain!(quiet!.id)).toContain("does not listen on any port yet");
    await stop([quiet!]);
  });

  it("ends what an app forks, also what left its parent, its session and its group", async () => {
    const workload = aWorkload(
      under.artifact,
      "forks",
      aGroup(
        "sleep 401 & (setsid sleep 402 &); (setsid sh -c 'trap \"\" TERM; while :; do sleep 1; done' &); echo forked; wait; sleep 400",
      ),
    );
    const [instance] = await apply(workload);
    await until("forked", async () => (await texts(workload)).includes("forked"));
    expect(marked(instance!.id).length).toBeGreaterThan(3);
    await stop([instance!]);
    expect(marked(instance!.id)).toEqual([]);
  });

  it("counts an app that puts itself into the background as ended, and ends the rest of it", async () => {
    const workload = aWorkload(under.artifact, "daemon", aGroup("(setsid sleep 403 &); echo gone"));
    const [instance] = await apply(workload, false);
    expect((await exited(workload)).exit).toMatchObject({ code: 0 });
    expect(marked(instance!.id)).toEqual([]);
    await stop([instance!]);
  });

  it("bounds a fork bomb, and ends it", async () => {
    const workload = aWorkload(under.artifact, "bomb", aGroup("bomb() { bomb | bomb & }; echo go; bomb; sleep 30"));
    const [instance] = await apply(workload, false);
    await until("go", async () => (await texts(workload)).includes("go"));
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(marked(instance!.id).length).toBeLessThanOrEqual(140);
    await stop([instance!]);
    expect(marked(instance!.id)).toEqual([]);
    expect(await observe(workload)).toEqual([]);
  }, 60_000);

  it("ends an instance of which somebody killed the wrapper, and starts it again", async () => {
    const workload = aWorkload(under.artifact, "wrapper", aGroup("sleep 404"));
    const [before] = await apply(workload);
    sendSignal(Number(before!.handle.slice(4)), "SIGKILL");
    const after = await until("a restart", async () =>
      (await observe(workload)).find(({ restarts, state }) => restarts === 1 && state === "running"),
    );
    expect(after.handle).not.toBe(before!.handle);
    await until("one process tree", async () => marked(after.id).filter(({ command }) => command === "sleep").length === 1);
    await stop([after]);
  });

  it("waits longer before each start of an app that always dies, and stays stoppable", async () => {
    const workload = aWorkload(under.artifact, "dies", aGroup("echo up; exit 1"));
    const begin = performance.now();
    const [instance] = await apply(workload);
    await until("two restarts", async () => (await observe(workload))[0]!.restarts >= 2, 15_000);
    // 1 s, then 2 s.
    expect(performance.now() - begin).toBeGreaterThan(2_900);
    expect((await observe(workload))[0]!.restarts).toBe(2);
    await stop([instance!]);
    expect(await observe(workload)).toEqual([]);
  }, 30_000);

  it("keeps an early exit to be seen while a deployment is judged, and starts it again once it is kept up", async () => {
    const workload = aWorkload(under.artifact, "judged", aGroup("echo up; exit 5"));
    await apply(workload, false);
    await exited(workload);
    await new Promise((resolve) => setTimeout(resolve, 1_300));
    expect(await observe(workload)).toMatchObject([{ state: "exited", restarts: 0, exit: { code: 5 } }]);
    await apply(workload, true);
    await until("a restart", async () => (await observe(workload))[0]!.restarts >= 1);
    await stop(await observe(workload));
  });

  it("tells a signal from an exit code", async () => {
    const workload = aWorkload(under.artifact, "signal", aGroup("kill -SEGV $$"));
    await apply(workload, false);
    expect((await exited(workload)).exit).toMatchObject({ code: null, signal: "SIGSEGV" });
    await stop(await observe(workload));
  });

  it("says that the artifact is gone instead of hanging", async () => {
    const workload = aWorkload({ kind: "directory", path: join(under.home, "releases", "nobody", "rel_0") }, "no-artifact", aGroup("true"));
    const [instance] = await apply(workload, false);
    const seen = await exited(workload);
    expect(seen.id).toBe(instance!.id);
    expect(seen.exit!.reason ?? String(seen.exit!.code)).toMatch(/could not be started|1/);
    await stop([seen]);
  });

  it("reports an orphan, leaves it alone, and stops it by its id", async () => {
    const workload = aWorkload(under.artifact, "orphan", aGroup("sleep 405"));
    const [instance] = await apply(workload);
    await under.engine.retireSupervisor();
    const record = join(under.home, "run", "instances", `${instance!.id}.json`);
    const kept = readFileSync(record);
    rmSync(record);
    const other = await under.reopen();
    const found = await other.observe(workload);
    expect(found).toMatchObject([
      { id: instance!.id, isOrphan: true, state: "running", app: "orphan", release: workload.release, process: "web" },
    ]);
    expect(marked(instance!.id).length).toBeGreaterThan(0);
    expect(other.plan(workload, found).map(({ kind }) => kind)).toEqual(["start"]);
    await other.stop([instance!.id], { signal });
    expect(marked(instance!.id)).toEqual([]);
    expect(await other.observe(workload)).toEqual([]);
    await other.close();
    expect(kept.length).toBeGreaterThan(0);
  }, 60_000);

  it("leaves a damaged record where it is and supervises the rest", async () => {
    const workload = aWorkload(under.artifact, "damaged", aGroup("sleep 406"));
    const [instance] = await apply(workload);
    await under.engine.retireSupervisor();
    const damaged = join(under.home, "run", "instances", `${newId("InstanceId")}.json`);
    writeFileSync(damaged, "{ half");
    expect(await observe(workload)).toMatchObject([{ id: instance!.id, state: "running" }]);
    expect(readFileSync(damaged, "utf8")).toBe("{ half");
    rmSync(damaged);
    await stop([instance!]);
  });

  it("has one supervisor, however many start at once", async () => {
    const workload = aWorkload(under.artifact, "one", aGroup("sleep 407"));
    const [instance] = await apply(workload);
    await under.killSupervisor();
    const main = new URL("./supervisor/main.ts", import.meta.url).pathname;
    const started = Array.from({ length: 8 }, () =>
      spawn(process.execPath, [main, under.home, under.node, join(under.home, "run", "compile-cache")], {
        stdio: "ignore",
        detached: true,
      }),
    );
    await until("seven to give up", async () => started.filter(({ exitCode }) => exitCode === 0).length === 7);
    const alive = started.filter(({ exitCode }) => exitCode === null);
    expect(alive.map(({ pid }) => pid)).toEqual([under.findSupervisor()]);
    expect(await observe(workload)).toMatchObject([{ id: instance!.id, state: "running", restarts: 0 }]);
    await stop([instance!]);
    expect(readdirSync(join(under.home, "run")).filter((name) => name.startsWith("lock."))).toHaveLength(1);
  });

  it("starts instances again that ended while there was no supervisor, and keeps their exit", async () => {
    const workload = aWorkload(under.artifact, "unwatched", aGroup("echo last words; sleep 0.8; echo final; exit 6"));
    const [instance] = await apply(workload, false);
    await until("the first words", async () => (await texts(workload)).includes("last words"));
    await under.killSupervisor();
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    const seen = await exited(workload);
    expect(seen).toMatchObject({ id: instance!.id, exit: { code: 6 } });
    expect(await texts(workload)).toContain("final");
    await stop([seen]);
  });

  it("lets a supervisor go and another come without a gap in the log", async () => {
    const workload = aWorkload(under.artifact, "handover", aGroup("i=0; while :; do i=$((i+1)); echo line $i; done"));
    await apply(workload);
    for (let round = 0; round < 5; round++) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      await under.engine.retireSupervisor();
      expect(await observe(workload)).toMatchObject([{ state: "running", restarts: 0 }]);
    }
    await stop(await observe(workload));
    const entries = await linesOf(under.engine, workload);
    expect(entries.filter((entry) => "gap" in entry && !entry.gap.reason.includes("not kept"))).toEqual([]);
    const numbers = entries.flatMap((entry) =>
      "text" in entry && entry.stream === "stdout" ? [Number(/^line (\d+)$/.exec(entry.text)?.[1])] : [],
    );
    expect(numbers.every((number, index) => index === 0 || number === numbers[index - 1]! + 1)).toBe(true);
  }, 60_000);

  it("does not count an hour that the clock jumped", async () => {
    // A record from the future: started an hour from now.
    const workload = aWorkload(under.artifact, "clock", aGroup("sleep 408"));
    const [instance] = await apply(workload);
    await under.engine.retireSupervisor();
    const record = join(under.home, "run", "instances", `${instance!.id}.json`);
    const content = JSON.parse(readFileSync(record, "utf8")) as { startedAt: number };
    writeFileSync(record, JSON.stringify({ ...content, startedAt: content.startedAt + 3_600_000 }));
    expect(await observe(workload)).toMatchObject([{ state: "running" }]);
    const after = await under.engine.restart(instance!.id, { signal });
    expect(after.startedAt).toBeGreaterThan(content.startedAt + 3_600_000);
    await stop([after]);
  });

  it("answers an abort at once, and finishes what was begun", async () => {
    const workload = aWorkload(under.artifact, "abort", aGroup("trap '' TERM; echo on; while :; do sleep 1; done"));
    const [instance] = await apply(workload);
    await until("on", async () => (await texts(workload)).includes("on"));
    const cancel = new AbortController();
    const stopping = under.engine.stop([instance!.id], { signal: cancel.signal });
    setTimeout(() => cancel.abort(new Error("enough")), 50);
    await expect(stopping).rejects.toThrow("enough");
    await until("its end", async () => (await observe(workload)).length === 0);
    expect(findStat(Number(instance!.handle.slice(4)))?.isDead ?? true).toBe(true);
  });
});
