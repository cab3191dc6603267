/** What Docker's own crashes, doubles and absences leave intact. */
import { rm } from "node:fs/promises";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { systemClock } from "@norns/kernel/clock";
import { type AppName, newId, type ReleaseId } from "@norns/kernel/ids";
import { afterAll, describe, expect, it } from "vitest";
import { until } from "../conformance.ts";
import { aBench, signal, socket } from "./workload-fixtures.ts";
import { aHome, anEngine, whyNoDocker } from "./fixtures.ts";
import { installationOf } from "./installation.ts";
import { containerName, labels, type Place, toCreateBody } from "./requests.ts";
import { createDaemon } from "./transport.ts";

const reason = await whyNoDocker();

it("says in one sentence what to do when there is no daemon", async () => {
  await using home = await aHome();
  const engine = anEngine(home.path, { socketPath: join(home.path, "no.sock") });
  expect(await engine.support()).toEqual({
    isAvailable: false,
    artifact: "image",
    isolation: [],
    reason: "There is no Docker daemon on this machine. Install Docker, or start it (systemctl start docker).",
  });
  await expect(engine.observe()).rejects.toMatchObject({ code: "docker_unavailable", kind: "unavailable" });
  await engine.close();
});

describe.skipIf(reason !== undefined)(`docker: survival${reason === undefined ? "" : ` (skipped: ${reason})`}`, async () => {
  const daemon = createDaemon(socket);
  afterAll(() => daemon.close());
  const { image, aWorkload, stopAll, texts, done } = await aBench("survival", daemon);

  it("completes a container that was made and never started", async () => {
    await using home = await aHome();
    const node = newId("NodeId");
    const engine = anEngine(home.path, { node });
    const workload = aWorkload();
    const place: Place = { installation: installationOf(home.path), node, home: home.path };
    const instance = newId("InstanceId");
    const body = toCreateBody(workload, workload.groups[0]!, 0, { instance, network: "bridge", keepUp: true, reach: "address" }, place);
    await daemon.call("POST", "/containers/create", {
      query: { name: containerName(place, workload, workload.groups[0]!, 0) },
      body: { ...body, NetworkingConfig: {} },
    });
    expect(await engine.observe()).toMatchObject([{ id: instance, state: "starting" }]);
    expect(await engine.apply(workload, { keepUp: true, signal })).toMatchObject([{ id: instance, state: "running" }]);
    await done(home.path, engine);
  });

  it("stops at once what is waiting for its next start", async () => {
    await using home = await aHome();
    const engine = anEngine(home.path);
    const workload = aWorkload({ command: "exit 1", drain: { signal: "SIGTERM", timeoutMs: 20_000 } });
    const [instance] = await engine.apply(workload, { keepUp: true, signal });
    await until("some restarts", async () => ((await engine.observe())[0]?.restarts ?? 0) >= 3, 20_000);
    const begin = performance.now();
    await engine.stop([instance!.id], { signal });
    expect(performance.now() - begin).toBeLessThan(8000);
    expect(await engine.observe()).toEqual([]);
    await done(home.path, engine);
  });

  it("makes one container of one place when two servers start it at once", async () => {
    await using home = await aHome();
    const node = newId("NodeId");
    const engines = [anEngine(home.path, { node }), anEngine(home.path, { node }), anEngine(home.path, { node })];
    const workload = aWorkload({ count: 2 });
    const answers = await Promise.all(engines.map((engine) => engine.apply(workload, { keepUp: true, signal })));
    expect(new Set(answers.flat().map(({ id }) => id)).size).toBe(2);
    expect(await engines[2]!.observe()).toHaveLength(2);
    await done(home.path, ...engines);
  });

  it("sees nothing of another installation on the same daemon, and touches nothing of it", async () => {
    await using one = await aHome();
    await using two = await aHome();
    const first = anEngine(one.path);
    const second = anEngine(two.path);
    const workload = aWorkload();
    const [mine] = await first.apply(workload, { keepUp: true, signal });
    const [theirs] = await second.apply(workload, { keepUp: true, signal });
    expect(await first.observe()).toMatchObject([{ id: mine!.id }]);
    await first.stop([theirs!.id], { signal });
    expect(await second.observe()).toMatchObject([{ id: theirs!.id, state: "running" }]);
    await expect(first.restart(theirs!.id, { signal })).rejects.toMatchObject({ code: "instance_not_found" });
    await done(one.path, first);
    expect(await second.observe()).toHaveLength(1);
    await done(two.path, second);
  });

  it("shows what an earlier node of this home left as orphans, starts and keeps none of them, and stops them by id", async () => {
    await using home = await aHome();
    const before = anEngine(home.path);
    const workload = aWorkload();
    const [old] = await before.apply(workload, { keepUp: true, signal });
    await before.close();
    const engine = anEngine(home.path);
    expect(await engine.observe()).toMatchObject([{ id: old!.id, isOrphan: true, state: "running" }]);
    expect(engine.plan(workload, await engine.observe())).toMatchObject([{ kind: "start" }]);
    await done(home.path, engine);
  });

  it("removes one-off containers whose server was killed over them", async () => {
    await using home = await aHome();
    const engine = anEngine(home.path);
    const body = {
      Image: image,
      Entrypoint: ["sleep", "300"],
      Labels: { [labels.installation]: installationOf(home.path), [labels.kind]: "once", [labels.node]: "x", [labels.owner]: "1-0" },
    };
    const node = newId("NodeId");
    const { Id } = await daemon.call<{ Id: string }>("POST", "/containers/create", {
      body: { ...body, Labels: { ...body.Labels, [labels.node]: node } },
    });
    await daemon.call("POST", `/containers/${Id}/start`);
    const next = anEngine(home.path, { node });
    const once = {
      workspace: newId("WorkspaceId"),
      app: "survival-once" as AppName,
      release: newId("ReleaseId") as ReleaseId,
      artifact: { kind: "image", image } as const,
      command: "true",
      env: {},
      volumes: [],
      timeoutMs: 20_000,
      output: () => {},
      signal,
    };
    expect(await next.runOnce(once)).toEqual({ exitCode: 0 });
    await done(home.path, engine, next);
  });

  it("goes on after the daemon was away: events, logs, kept connections", async () => {
    await using home = await aHome();
    await using between = await aSocketBetween(join(home.path, "docker.sock"));
    const engine = anEngine(home.path, { socketPath: between.path });
    let calls = 0;
    engine.watch(() => calls++, signal);
    const workload = aWorkload({ command: "i=0; while :; do i=$((i+1)); echo line $i; sleep 0.02; done" });
    await engine.apply(workload, { keepUp: true, signal });
    await until("lines", async () => (await texts(engine, workload)).length > 20);
    between.cut();
    await expect(engine.observe()).rejects.toMatchObject({ code: "docker_unavailable", kind: "unavailable" });
    expect(await engine.support()).toMatchObject({ isAvailable: false });
    await systemClock.sleep(700);
    const before = calls;
    await between.mend();
    await until("the events again", async () => calls > before);
    const seen = (await texts(engine, workload)).length;
    await until("more lines", async () => (await texts(engine, workload)).length > seen + 60);
    await stopAll(engine);
    const all = await texts(engine, workload);
    expect(all).toEqual(Array.from({ length: all.length }, (_, index) => `line ${index + 1}`));
    await done(home.path, engine);
  });

  it("makes more apps' networks than Docker has ranges for by itself", async () => {
    await using home = await aHome();
    const engine = anEngine(home.path);
    const workloads = Array.from({ length: 36 }, () => aWorkload({ command: "exec sleep 300" }));
    for (let at = 0; at < workloads.length; at += 6)
      await Promise.all(workloads.slice(at, at + 6).map((workload) => engine.apply(workload, { keepUp: true, signal })));
    expect((await engine.observe()).filter(({ state }) => state === "running")).toHaveLength(36);
    await done(home.path, engine);
  }, 120_000);
});

/** The daemon's socket through one of ours that can be cut: to the engine, a daemon that goes away and comes back. */
async function aSocketBetween(path: string): Promise<{ path: string; cut(): void; mend(): Promise<void> } & AsyncDisposable> {
  const sockets = new Set<Socket>();
  let server = createServer();
  const mend = async (): Promise<void> => {
    await rm(path, { force: true });
    server = createServer({ allowHalfOpen: true }, (near) => {
      const far = connect({ path: socket, allowHalfOpen: true });
      for (const one of [near, far]) {
        sockets.add(one);
        one.on("error", () => {});
        one.on("close", () => {
          sockets.delete(one);
          near.destroy();
          far.destroy();
        });
      }
      near.pipe(far).pipe(near);
    });
    await new Promise<void>((resolve) => server.listen(path, resolve));
  };
  const cut = (): void => {
    server.close();
    for (const one of sockets) one.destroy();
  };
  await mend();
  return { path, cut, mend, [Symbol.asyncDispose]: async () => cut() };
}
