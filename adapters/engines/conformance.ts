/**
 * What every engine does the same. An adapter's test calls `describeEngine` with a factory; what its outside cannot do it
 * skips by title, with the reason printed.
 */
import { newId, type AppName, type InstanceId, type ProcessName, type ReleaseId, type WorkspaceId } from "@norns/kernel/ids";
import { request } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { AppRef, Engine, LogGap, LogLine, LogQuery } from "./port.ts";
import type { Artifact, Group, Instance, Workload } from "./workload.ts";

export interface EngineUnderTest {
  readonly engine: Engine;
  /** What the suite's instances run from: needs `sh`, `sleep`, `head`, `tail`, `env`, `id`. */
  readonly artifact: Artifact;
  /** Serves HTTP on `PORT`, answers every GET with 200 and `NORNS_RELEASE`, ends on SIGTERM. */
  readonly serveCommand: string;
  /** Holds about 300 MB and does not end by itself. Default: `head -c 300000000 /dev/zero | tail | sleep 60`. */
  readonly eatMemoryCommand?: string;
  /** A new Engine object on the same state, as after a restart of the server. The suite closes it. */
  reopen(): Promise<Engine>;
  /** Kills what the engine itself keeps running beside the server, hard, and answers when it is dead. */
  killSupervisor?(): Promise<void>;
  /** Builds from a directory with this one file and this command; a Docker engine turns the command into a Dockerfile. */
  build?(request: {
    app: AppName;
    release: ReleaseId;
    command: string;
    output: (text: string) => void;
    timeoutMs?: number;
    signal?: AbortSignal;
  }): Promise<Artifact>;
  /** Leaves no process, container, file or directory behind, and throws when something was. */
  cleanUp(): Promise<void>;
}

type GroupChange = Partial<Omit<Group, "process">> & { readonly process?: string };

const ready = "echo ready; while :; do sleep 0.1; done";

export function describeEngine(
  name: string,
  makeEngine: () => Promise<EngineUnderTest>,
  options: { readonly skip?: readonly { readonly test: string; readonly reason: string }[] } = {},
): void {
  const skipped = new Map((options.skip ?? []).map(({ test, reason }) => [test, reason]));
  const titles = new Set<string>();

  describe(`${name} engine`, () => {
    let under: EngineUnderTest;
    let engine: Engine;
    let count = 0;
    const signal = new AbortController().signal;
    const workspace = newId("WorkspaceId") as WorkspaceId;

    beforeAll(async () => {
      under = await makeEngine();
      engine = under.engine;
    });
    afterAll(async () => {
      // A test that failed half way leaves its instances: end them, so that cleanUp judges the engine and not the test.
      await engine.stop(
        (await engine.observe()).map(({ id }) => id),
        { signal },
      );
      await under.cleanUp();
      for (const title of skipped.keys()) expect(titles, `skips "${title}", which is no test`).toContain(title);
    });

    const test = (title: string, run: () => Promise<void>, timeoutMs = 30_000) => {
      titles.add(title);
      const reason = skipped.get(title);
      if (reason) it.skip(`${title} (skipped: ${reason})`, () => {});
      else it(title, run, timeoutMs);
    };

    const anApp = () => `conformance-${++count}` as AppName;
    const aWorkload = (app: AppName, ...groups: GroupChange[]): Workload => ({
      workspace,
      app,
      release: newId("ReleaseId"),
      artifact: under.artifact,
      update: "rolling",
      groups: (groups.length > 0 ? groups : [{}]).map(toGroup),
    });
    const of = (workload: Workload): AppRef => ({ workspace, app: workload.app });
    const apply = (workload: Workload, keepUp = true, on = engine) => on.apply(workload, { keepUp, signal });
    const running = async (workload: Workload, on = engine) =>
      (await on.observe(of(workload))).filter(({ release, state }) => release === workload.release && state === "running");
    const stopAll = async (workload: Workload) =>
      engine.stop(
        (await engine.observe(of(workload))).map(({ id }) => id),
        { signal },
      );
    const collect = async (query: Omit<LogQuery, "signal" | "follow" | "workspace">, on = engine) => {
      const entries: (LogLine | LogGap)[] = [];
      for await (const entry of on.logs({ workspace, ...query, follow: false, signal })) entries.push(entry);
      return entries;
    };
    const texts = async (app: AppName, more: Partial<LogQuery> = {}) =>
      (await collect({ app, ...more })).flatMap((entry) => ("text" in entry && entry.stream !== "system" ? [entry.text] : []));
    const untilPrinted = (workload: Workload, text: string) =>
      until(`"${text}" in the log`, async () => (await texts(workload.app)).some((line) => line.includes(text)));
    const untilExited = (workload: Workload) =>
      until("an exited instance", async () => (await engine.observe(of(workload))).find(({ state, exit }) => state === "exited" && exit));

    test("says whether it is available and how far instances are kept apart", async () => {
      const support = await engine.support();
      expect(support).toMatchObject({ isAvailable: true, artifact: under.artifact.kind });
      expect(support.isolation.length).toBeGreaterThan(0);
    });

    test("starts what is missing, and applied twice means it once", async () => {
      const workload = aWorkload(anApp(), { command: ready, count: 2 });
      const first = await apply(workload);
      const second = await apply(workload);
      expect(new Set(first.map(({ index }) => index))).toEqual(new Set([0, 1]));
      expect(ids(second)).toEqual(ids(first));
      expect(new Set(first.map(({ id }) => id)).size).toBe(2);
      await stopAll(workload);
      expect(await engine.observe(of(workload))).toEqual([]);
    });

    test("makes one set of instances of ten applies at once", async () => {
      const workload = aWorkload(anApp(), { command: ready, count: 2 });
      const results = await Promise.all(Array.from({ length: 10 }, () => apply(workload)));
      expect(new Set(results.flatMap((instances) => instances.map(({ id }) => id))).size).toBe(2);
      expect(await engine.observe(of(workload))).toHaveLength(2);
      await stopAll(workload);
    });

    test("plans without doing", async () => {
      const workload = aWorkload(anApp(), { command: ready, count: 2 });
      expect(engine.plan(workload, []).map(({ kind }) => kind)).toEqual(["start", "start"]);
      const instances = await apply(workload);
      expect(engine.plan(workload, instances).map(({ kind }) => kind)).toEqual(["keep", "keep"]);
      const smaller = { ...workload, groups: workload.groups.map((group) => ({ ...group, count: 1 })) };
      expect(engine.plan(smaller, instances).filter(({ kind }) => kind === "stop")).toHaveLength(1);
      expect(await running(workload)).toHaveLength(2);
      await stopAll(workload);
    });

    test("scales up and down, keeping the instances that stay", async () => {
      const workload = aWorkload(anApp(), { command: ready, count: 1 });
      const scaled = (count: number) => ({ ...workload, groups: workload.groups.map((group) => ({ ...group, count })) });
      const [one] = await apply(workload);
      expect(ids(await apply(scaled(3)))).toContain(one!.id);
      expect(await running(workload)).toHaveLength(3);
      await apply(scaled(1));
      await until("one instance", async () => (await engine.observe(of(workload))).length === 1);
      expect(ids(await engine.observe(of(workload)))).toEqual([one!.id]);
      await apply(scaled(0));
      await until("none", async () => (await engine.observe(of(workload))).length === 0);
    });

    test("labels instances with workspace, app, release, process, index and node", async () => {
      const workload = aWorkload(anApp(), { command: ready, process: "jobs" });
      await apply(workload);
      const [instance] = await engine.observe(of(workload));
      expect(instance).toMatchObject({ workspace, app: workload.app, release: workload.release, process: "jobs", index: 0, restarts: 0 });
      expect(instance!.handle).not.toBe("");
      expect(instance!.id).toMatch(/^ins_/);
      await stopAll(workload);
    });

    test("gives the address at which an instance answers", async () => {
      const workload = aWorkload(anApp(), { command: under.serveCommand, kind: "service", port: 8080, count: 2 });
      await apply(workload);
      const instances = await until("two addresses", async () => {
        const found = await running(workload);
        return found.length === 2 && found.every(({ address }) => address) ? found : null;
      });
      const places = instances.map(({ address }) => `${address!.host}:${address!.port}`);
      expect(new Set(places).size).toBe(2);
      for (const { address } of instances) await until("an answer", async () => (await getText(address!)) === workload.release);
      await stopAll(workload);
    });

    test("runs two releases side by side and touches only the one applied", async () => {
      const app = anApp();
      const old = aWorkload(app, { command: ready });
      const next = aWorkload(app, { command: ready });
      const [before] = await apply(old);
      await apply(next);
      expect(await engine.observe({ workspace, app })).toHaveLength(2);
      await apply({ ...next, groups: next.groups.map((group) => ({ ...group, count: 0 })) });
      await until("only the old one", async () => (await engine.observe({ workspace, app })).length === 1);
      expect(ids(await running(old))).toEqual([before!.id]);
      await stopAll(old);
    });

    test("lets an app that traps its signal finish", async () => {
      const command = "trap 'echo draining; sleep 0.3; echo drained; exit 0' TERM; echo ready; while :; do sleep 0.1; done";
      const workload = aWorkload(anApp(), { command, drain: { signal: "SIGTERM", timeoutMs: 10_000 } });
      await apply(workload);
      await untilPrinted(workload, "ready");
      await stopAll(workload);
      expect(await engine.observe(of(workload))).toEqual([]);
      // A shell may add a word of its own about the `sleep` that the signal ended.
      expect((await texts(workload.app)).filter((text) => /^(ready|drain)/.test(text))).toEqual(["ready", "draining", "drained"]);
    });

    test("lets the program that a shell waits for finish", async () => {
      const command = `true; sh -c "trap 'echo draining; sleep 0.3; echo drained; exit 0' TERM; echo ready; while :; do sleep 0.1; done"; true`;
      const workload = aWorkload(anApp(), { command, drain: { signal: "SIGTERM", timeoutMs: 10_000 } });
      await apply(workload);
      await untilPrinted(workload, "ready");
      await stopAll(workload);
      expect((await texts(workload.app)).filter((text) => /^(ready|drain)/.test(text))).toEqual(["ready", "draining", "drained"]);
    });

    test("kills an app that ignores its signal when the time is over", async () => {
      const command = "trap '' TERM; echo ready; while :; do sleep 0.1; done";
      const workload = aWorkload(anApp(), { command, drain: { signal: "SIGTERM", timeoutMs: 400 } });
      await apply(workload);
      await untilPrinted(workload, "ready");
      const begin = performance.now();
      await stopAll(workload);
      expect(performance.now() - begin).toBeGreaterThan(350);
      expect(await engine.observe(of(workload))).toEqual([]);
    });

    test("stops what is already stopped, or was never there, without complaint", async () => {
      const workload = aWorkload(anApp(), { command: ready });
      const [instance] = await apply(workload);
      await Promise.all([engine.stop([instance!.id], { signal }), engine.stop([instance!.id], { signal })]);
      await engine.stop([instance!.id, newId("InstanceId") as InstanceId], { signal });
      expect(await engine.observe(of(workload))).toEqual([]);
    });

    test("shows an early exit with its code and its last lines", async () => {
      const workload = aWorkload(anApp(), { command: "echo about to fail; echo why >&2; exit 3" });
      await apply(workload, false);
      const instance = await untilExited(workload);
      expect(instance.exit).toMatchObject({ code: 3 });
      expect(instance.restarts).toBe(0);
      expect((await texts(workload.app)).sort()).toEqual(["about to fail", "why"]);
      await apply(workload, false);
      expect(ids(await engine.observe(of(workload)))).toEqual([instance.id]);
      await stopAll(workload);
    });

    test("starts an instance again that ends while it is kept up", async () => {
      const workload = aWorkload(anApp(), { command: "echo started; sleep 0.2; exit 1" });
      const [before] = await apply(workload, true);
      const again = await until(
        "a restart",
        async () => (await engine.observe(of(workload))).find(({ restarts }) => restarts >= 1),
        15_000,
      );
      expect(again.id).toBe(before!.id);
      await until(
        "two starts in the log",
        async () => (await texts(workload.app)).filter((text) => text === "started").length >= 2,
        15_000,
      );
      await stopAll(workload);
      expect(await engine.observe(of(workload))).toEqual([]);
    });

    test("restarts an instance in its place", async () => {
      const workload = aWorkload(anApp(), { command: ready });
      const [before] = await apply(workload);
      await untilPrinted(workload, "ready");
      const after = await engine.restart(before!.id, { signal });
      expect(after).toMatchObject({ id: before!.id, index: 0, release: workload.release });
      expect(after.startedAt).toBeGreaterThan(before!.startedAt);
      await until("ready twice", async () => (await texts(workload.app)).filter((text) => text === "ready").length === 2);
      expect(await running(workload)).toHaveLength(1);
      await stopAll(workload);
    });

    test("finds its instances again after a restart of the server", async () => {
      const workload = aWorkload(anApp(), { command: ready, count: 2 });
      const before = await apply(workload);
      const other = await under.reopen();
      try {
        expect(ids(await running(workload, other))).toEqual(ids(before));
        expect(ids(await apply(workload, true, other))).toEqual(ids(before));
        await other.stop(
          before.map(({ id }) => id),
          { signal },
        );
      } finally {
        await other.close();
      }
      expect(await engine.observe(of(workload))).toEqual([]);
    });

    test("finds its instances again after its supervisor was killed", async () => {
      if (!under.killSupervisor) return;
      const workload = aWorkload(anApp(), { command: "i=0; while :; do i=$((i+1)); echo line $i; sleep 0.05; done" });
      const [before] = await apply(workload);
      await untilPrinted(workload, "line 3");
      await under.killSupervisor();
      const [after] = await until("the instance", async () => {
        const found = await running(workload);
        return found.length === 1 ? found : null;
      });
      expect(after).toMatchObject({ id: before!.id, handle: before!.handle, restarts: 0 });
      const seen = (await texts(workload.app)).length;
      await until("more lines", async () => (await texts(workload.app)).length > seen + 3);
      await stopAll(workload);
    });

    test("gives logs with time, stream, process and instance", async () => {
      const begin = Date.now();
      const workload = aWorkload(anApp(), { command: "echo out; echo err >&2; printf 'no newline'" });
      const [instance] = await apply(workload, false);
      await untilExited(workload);
      const lines = (await collect({ app: workload.app }))
        .flatMap((entry) => ("text" in entry ? [entry] : []))
        .filter(({ stream }) => stream !== "system");
      expect(lines.map(({ text, stream }) => `${stream} ${text}`).sort()).toEqual(["stderr err", "stdout no newline", "stdout out"]);
      for (const line of lines) {
        expect(line).toMatchObject({ process: "web", instance: instance!.id });
        expect(line.at).toBeGreaterThanOrEqual(begin - 1000);
        expect(line.at).toBeLessThanOrEqual(Date.now() + 1000);
      }
      await stopAll(workload);
    });

    test("keeps logs after the instance is gone, and resumes them behind a cursor", async () => {
      const workload = aWorkload(anApp(), { command: "i=0; while [ $i -lt 50 ]; do i=$((i+1)); echo line $i; done" });
      await apply(workload, false);
      await untilExited(workload);
      await stopAll(workload);
      const lines = (await collect({ app: workload.app })).flatMap((entry) =>
        "text" in entry && entry.stream === "stdout" ? [entry] : [],
      );
      expect(lines.map(({ text }) => text)).toEqual(Array.from({ length: 50 }, (_, index) => `line ${index + 1}`));
      expect(await texts(workload.app, { cursors: [lines[29]!.cursor] })).toEqual(
        Array.from({ length: 20 }, (_, index) => `line ${index + 31}`),
      );
      expect((await texts(workload.app, { tail: 5 })).at(-1)).toBe("line 50");
      expect(await texts(workload.app, { process: "other" as ProcessName })).toEqual([]);
    });

    test("follows logs until it is told to end", async () => {
      const workload = aWorkload(anApp(), { command: "i=0; while :; do i=$((i+1)); echo line $i; sleep 0.05; done" });
      await apply(workload);
      const end = new AbortController();
      const seen: string[] = [];
      for await (const entry of engine.logs({ workspace, app: workload.app, follow: true, signal: end.signal })) {
        if ("text" in entry && entry.stream === "stdout") seen.push(entry.text);
        if (seen.length === 20) end.abort();
      }
      expect(seen.slice(0, 20)).toEqual(Array.from({ length: 20 }, (_, index) => `line ${index + 1}`));
      await stopAll(workload);
    });

    test("[I6] takes no name or cursor into a path or a command", async () => {
      const app = anApp();
      const wrong = ["../../etc/passwd", "a;id", "$(id)", "..", "a\0b"];
      for (const text of wrong) {
        await expect(collect({ app, cursors: [text] })).rejects.toMatchObject({ kind: "invalid" });
        expect(await collect({ app, instance: text as InstanceId }).catch(() => [])).toEqual([]);
      }
    });

    test("gives memory and CPU time", async () => {
      const workload = aWorkload(anApp(), { command: "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done; echo ready; sleep 30" });
      const [instance] = await apply(workload);
      await untilPrinted(workload, "ready");
      const [stats] = await engine.stats([instance!.id]);
      expect(stats!.instance).toBe(instance!.id);
      expect(stats!.memoryBytes).toBeGreaterThan(10_000);
      expect(stats!.cpuMs).toBeGreaterThan(20);
      expect(await engine.stats([newId("InstanceId") as InstanceId])).toEqual([]);
      await stopAll(workload);
    });

    test("gives the environment asked for and nothing of the server's", async () => {
      process.env["NORNS_CONFORMANCE_SECRET"] = "of-the-server";
      const workload = aWorkload(anApp(), { command: "env", env: { GREETING: 'hello; $(id) "quoted"', EMPTY: "" } });
      const [instance] = await apply(workload, false);
      await untilExited(workload);
      const lines = await texts(workload.app);
      expect(lines).toContain('GREETING=hello; $(id) "quoted"');
      expect(lines).toContain("EMPTY=");
      expect(lines).toContain(`NORNS_INSTANCE=${instance!.id}`);
      expect(lines).toContain(`NORNS_RELEASE=${workload.release}`);
      expect(lines.join("\n")).not.toContain("of-the-server");
      delete process.env["NORNS_CONFORMANCE_SECRET"];
      await stopAll(workload);
    });

    test("keeps a volume over releases and over the app's end", async () => {
      const app = anApp();
      const volumes = [{ name: "data", mount: "/data", readOnly: false, shared: false }];
      const first = aWorkload(app, { command: 'echo kept > "$NORNS_VOLUME_DATA/file"; echo written', volumes });
      await apply(first, false);
      await untilExited(first);
      await stopAll(first);
      const second = aWorkload(app, { command: 'cat "$NORNS_VOLUME_DATA/file"', volumes });
      await apply(second, false);
      await untilExited(second);
      expect(await texts(app, { release: second.release })).toEqual(["kept"]);
      await stopAll(second);
    });

    test("ends an instance that uses more memory than it may, and says so", async () => {
      const command = under.eatMemoryCommand ?? "head -c 300000000 /dev/zero | tail | sleep 60";
      const workload = aWorkload(anApp(), { command, resources: { cpuMhz: 100, memoryMb: 64 } });
      await apply(workload, false);
      const instance = await untilExited(workload);
      expect(instance.exit!.reason).toMatch(/memory|64 MB/);
      await stopAll(workload);
    });

    test("calls back when an instance starts and when it ends", async () => {
      const end = new AbortController();
      let calls = 0;
      engine.watch(() => calls++, end.signal);
      const workload = aWorkload(anApp(), { command: "sleep 0.5; exit 1" });
      await apply(workload, false);
      await until("a call for the start", async () => calls > 0);
      await untilExited(workload);
      const before = calls;
      await stopAll(workload);
      await until("a call for the end", async () => calls > before);
      end.abort();
    });

    test("runs a command once and answers its exit code and output", async () => {
      const app = anApp();
      const printed: string[] = [];
      const once = (command: string, more: { timeoutMs?: number; signal?: AbortSignal } = {}) =>
        engine.runOnce({
          workspace,
          app,
          release: newId("ReleaseId") as ReleaseId,
          artifact: under.artifact,
          command,
          env: { NAME: "value" },
          volumes: [],
          timeoutMs: more.timeoutMs ?? 20_000,
          output: (stream, chunk) => printed.push(`${stream} ${Buffer.from(chunk).toString()}`),
          signal: more.signal ?? signal,
        });
      expect(await once("echo $NAME; exit 0")).toEqual({ exitCode: 0 });
      expect(printed.join("")).toContain("value");
      expect(await once("echo no >&2; exit 7")).toEqual({ exitCode: 7 });
      expect(printed.join("")).toContain("stderr no");
      await expect(once("sleep 30", { timeoutMs: 300 })).rejects.toMatchObject({ kind: "invalid", code: "command_timed_out" });
      const cancel = new AbortController();
      const cancelled = once("sleep 30", { signal: cancel.signal });
      setTimeout(() => cancel.abort(new Error("cancelled")), 200);
      await expect(cancelled).rejects.toThrow();
    });

    test("ends a command that prints without end", async () => {
      let bytes = 0;
      await expect(
        engine.runOnce({
          workspace,
          app: anApp(),
          release: newId("ReleaseId") as ReleaseId,
          artifact: under.artifact,
          command: "while :; do echo yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy; done",
          env: {},
          volumes: [],
          timeoutMs: 2_000,
          output: (_, chunk) => (bytes += chunk.length),
          signal,
        }),
      ).rejects.toMatchObject({ kind: "invalid" });
      expect(bytes).toBeGreaterThan(0);
      expect(bytes).toBeLessThan(512 * 1024 * 1024);
    });

    test("builds an artifact that runs, and finds it made the second time", async () => {
      if (!under.build) return;
      const app = anApp();
      const release = newId("ReleaseId") as ReleaseId;
      const printed: string[] = [];
      const request = { app, release, command: "echo building; echo built > made", output: (text: string) => printed.push(text) };
      const artifact = await under.build(request);
      expect(printed.join("")).toContain("building");
      expect(await under.build(request)).toEqual(artifact);
      const workload: Workload = { ...aWorkload(app, { command: "cat made" }), release, artifact };
      await apply(workload, false);
      await untilExited(workload);
      expect(await texts(app)).toEqual(["built"]);
      await stopAll(workload);
      await engine.removeArtifact(artifact);
      await engine.removeArtifact(artifact);
    });

    test("says which command failed when a build fails", async () => {
      if (!under.build) return;
      const printed: string[] = [];
      const failing = under.build({
        app: anApp(),
        release: newId("ReleaseId") as ReleaseId,
        command: "echo the reason; exit 4",
        output: (text) => printed.push(text),
      });
      await expect(failing).rejects.toMatchObject({ kind: "invalid", code: "command_failed" });
      expect(printed.join("")).toContain("the reason");
    });
  });
}

function toGroup(change: GroupChange): Group {
  const { process, ...rest } = change;
  return {
    kind: "worker",
    count: 1,
    command: ready,
    env: {},
    health: { intervalMs: 1000, timeoutMs: 1000, deadlineMs: 20_000 },
    resources: { cpuMhz: 100, memoryMb: 256 },
    drain: { signal: "SIGTERM", timeoutMs: 2000 },
    volumes: [],
    ...rest,
    process: (process ?? "web") as ProcessName,
  };
}

const ids = (instances: readonly Instance[]) => instances.map(({ id }) => id).sort();

/** Asks until the answer is neither null, undefined nor false. */
export async function until<T>(what: string, ask: () => Promise<T>, limitMs = 10_000): Promise<Exclude<T, null | undefined | false>> {
  const end = performance.now() + limitMs;
  for (;;) {
    const answer = await ask();
    if (answer !== null && answer !== undefined && answer !== false) return answer as Exclude<T, null | undefined | false>;
    if (performance.now() > end) throw new Error(`waited ${limitMs} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
}

/** The body of a GET, or the error's code: what a client of the app sees. */
export function getText(address: { host: string; port: number }, path = "/"): Promise<string> {
  return new Promise((resolve) => {
    const sent = request({ ...address, path, agent: false, timeout: 2000 }, (answer) => {
      let body = "";
      answer.setEncoding("utf8");
      answer.on("data", (chunk: string) => (body += chunk));
      answer.on("end", () => resolve(body));
      answer.on("error", (error) => resolve(error.message));
    });
    sent.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    sent.end();
  });
}
