/** What is Docker's own, beside the conformance suite: crashes between two calls, a daemon that goes away, isolation, bursts of lines. */
import { fork } from "node:child_process";
import { mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { systemClock } from "@norns/kernel/clock";
import { type AppName, type InstanceId, newId, type ProcessName, type ReleaseId } from "@norns/kernel/ids";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { getText, until } from "../conformance.ts";
import { instanceLogDirectory } from "../journal/index.ts";
import type { Engine, LogGap, LogLine } from "../port.ts";
import type { Group, Workload } from "../workload.ts";
import { aHome, anEngine, aSource, baseImage, baseImageId, leftovers, whyNoDocker } from "./fixtures.ts";
import { installationOf } from "./installation.ts";
import { containerName, labels, type Place, toCreateBody } from "./requests.ts";
import { createDaemon } from "./transport.ts";

const reason = await whyNoDocker();
const signal = new AbortController().signal;
const socket = "/var/run/docker.sock";

it("says in one sentence what to do when there is no daemon", async () => {
  await using home = await aHome();
  const engine = anEngine(home.path, { socketPath: join(home.path, "no.sock") });
  expect(await engine.support()).toEqual({ isAvailable: false, artifact: "image", isolation: [], reason: "There is no Docker daemon on this machine. Install Docker, or start it (systemctl start docker)." });
  await expect(engine.observe()).rejects.toMatchObject({ code: "docker_unavailable", kind: "unavailable" });
  await engine.close();
});

describe.skipIf(reason !== undefined)(`docker${reason === undefined ? "" : ` (skipped: ${reason})`}`, () => {
  let image: string;
  const daemon = createDaemon(socket);
  beforeAll(async () => {
    image = await baseImageId();
  });
  afterAll(() => daemon.close());

  let count = 0;
  const aWorkload = (change: Partial<Group> = {}, app = `own-${++count}` as AppName): Workload => ({
    workspace: newId("WorkspaceId"),
    app,
    release: newId("ReleaseId"),
    artifact: { kind: "image", image },
    update: "rolling",
    groups: [
      {
        process: "web" as ProcessName,
        kind: "worker",
        count: 1,
        command: "echo ready; exec sleep 300",
        env: {},
        health: { intervalMs: 1000, timeoutMs: 1000, deadlineMs: 20_000 },
        resources: { cpuMhz: 100, memoryMb: 256 },
        drain: { signal: "SIGTERM", timeoutMs: 300 },
        volumes: [],
        ...change,
      },
    ],
  });
  const stopAll = async (engine: Engine) => engine.stop((await engine.observe()).map(({ id }) => id), { signal });
  const inspect = (handle: string) => daemon.call<{ HostConfig: Record<string, unknown>; Image: string; Config: { Env: string[] } }>("GET", `/containers/${handle}/json`);
  const lines = async (engine: Engine, workload: Workload) => {
    const entries: (LogLine | LogGap)[] = [];
    for await (const entry of engine.logs({ workspace: workload.workspace, app: workload.app, follow: false, signal })) entries.push(entry);
    return entries;
  };
  const texts = async (engine: Engine, workload: Workload) => (await lines(engine, workload)).flatMap((entry) => ("text" in entry && entry.stream !== "system" ? [entry.text] : []));
  const done = async (home: string, ...engines: Engine[]) => {
    await stopAll(engines[0]!);
    for (const engine of engines) await engine.close();
    expect(await leftovers(home)).toEqual([]);
  };

  it("completes a container that was made and never started", async () => {
    await using home = await aHome();
    const node = newId("NodeId");
    const engine = anEngine(home.path, { node });
    const workload = aWorkload();
    const place: Place = { installation: installationOf(home.path), node, home: home.path };
    const instance = newId("InstanceId");
    const body = toCreateBody(workload, workload.groups[0]!, 0, { instance, network: "bridge", keepUp: true, reach: "address" }, place);
    await daemon.call("POST", "/containers/create", { query: { name: containerName(place, workload, workload.groups[0]!, 0) }, body: { ...body, NetworkingConfig: {} } });
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

  it("[N10] [A7] [I5] runs instances without privileges that they could use against the machine", async () => {
    await using home = await aHome();
    const engine = anEngine(home.path);
    const command = "grep -E '^(CapEff|CapBnd|NoNewPrivs|Seccomp):' /proc/self/status; id -u; ls /var/run/docker.sock 2>&1; ulimit -c; cat /proc/1/cmdline | tr '\\0' ' '; echo; mknod /tmp/x b 8 0 2>&1 || true; mount -t tmpfs x /mnt 2>&1 || true; exec sleep 300";
    const workload = aWorkload({ command });
    const [instance] = await engine.apply(workload, { keepUp: true, signal });
    const { HostConfig } = await inspect(instance!.handle);
    expect(HostConfig).toMatchObject({ Privileged: false, NetworkMode: expect.not.stringMatching(/^host$/), PidMode: "", IpcMode: "private", UTSMode: "", UsernsMode: "", Devices: null, CapDrop: ["ALL"], PidsLimit: 1024, Memory: 256 * 1024 ** 2, MemorySwap: 256 * 1024 ** 2, OomKillDisable: false, PortBindings: {} });
    await until("the last line", async () => (await texts(engine, workload)).some((text) => text.startsWith("mount")));
    const printed = (await texts(engine, workload)).join("\n");
    // chown 0, dac_override 1, fowner 3, kill 5, setgid 6, setuid 7, net_bind_service 10.
    expect(printed).toMatch(/CapEff:\s+00000000000004eb/);
    expect(printed).toMatch(/CapBnd:\s+00000000000004eb/);
    expect(printed).toMatch(/NoNewPrivs:\s+1/);
    expect(printed).toMatch(/Seccomp:\s+2/);
    expect(printed).toContain("No such file");
    expect(printed).toMatch(/mknod: .*not permitted/);
    expect(printed).toMatch(/mount: .*(permission denied|not permitted)/i);
    await done(home.path, engine);
  });

  it("keeps apps apart: one app's instances see each other by name, and no other app's", async () => {
    await using home = await aHome();
    const engine = anEngine(home.path);
    const serve = `exec node -e "require('node:http').createServer((q,r)=>r.end('from '+process.env.NORNS_APP)).listen(process.env.PORT)"`;
    const shop = aWorkload({ command: serve, port: 8080 });
    const [web] = await engine.apply(shop, { keepUp: true, signal });
    await until("an answer", async () => (await getText(web!.address!)) === `from ${shop.app}`);
    const ask = (url: string) => `exec node -e "fetch('${url}',{signal:AbortSignal.timeout(1500)}).then(r=>r.text()).catch(()=>'nothing').then(t=>{console.log('got '+t);setInterval(()=>{},1e3)})"`;
    const inside = { ...aWorkload({ process: "jobs" as ProcessName, command: ask("http://web:8080/") }, shop.app), workspace: shop.workspace };
    const outside = aWorkload({ command: ask(`http://${web!.address!.host}:8080/`) });
    await engine.apply(inside, { keepUp: true, signal });
    await engine.apply(outside, { keepUp: true, signal });
    await until("the inside's answer", async () => (await texts(engine, inside)).includes(`got from ${shop.app}`));
    await until("the outside's answer", async () => (await texts(engine, outside)).includes("got nothing"));
    await done(home.path, engine);
  });

  it("reaches instances at a published port of loopback where their network is out of reach", async () => {
    await using home = await aHome();
    const engine = anEngine(home.path, { reach: "published" });
    const workload = aWorkload({ command: `exec node -e "require('node:http').createServer((q,r)=>r.end('here')).listen(process.env.PORT)"`, port: 8080, count: 2 });
    const instances = await engine.apply(workload, { keepUp: true, signal });
    expect(instances.map(({ address }) => address!.host)).toEqual(["127.0.0.1", "127.0.0.1"]);
    for (const { address } of instances) await until("an answer", async () => (await getText(address!)) === "here");
    await done(home.path, engine);
  });

  it("says on which port an instance listens that does not answer on its own", async () => {
    await using home = await aHome();
    const engine = anEngine(home.path);
    const listen = (where: string) => `exec node -e "require('node:http').createServer(()=>{}).listen(${where})"`;
    const explained = async (command: string, text: string) => {
      const workload = aWorkload({ command, port: 8080 });
      const [instance] = await engine.apply(workload, { keepUp: true, signal });
      await until(text, async () => (await engine.explain!(instance!.id))?.includes(text));
    };
    await explained(listen("3000"), "it listens on port 3000, not on 8080");
    await explained(listen("8080,'127.0.0.1'"), "of its own loopback only");
    await explained("exec sleep 300", "does not listen on any port");
    const good = aWorkload({ command: listen("8080"), port: 8080 });
    const [instance] = await engine.apply(good, { keepUp: true, signal });
    await until("nothing to say", async () => (await engine.explain!(instance!.id)) === undefined);
    await done(home.path, engine);
  });

  it("shows a program that the image does not have as an early exit, and why in its log", async () => {
    await using home = await aHome();
    const engine = anEngine(home.path);
    const source = await aSource(home.path, { Dockerfile: "FROM scratch\nCOPY note /note\n", note: "x" });
    const workload = aWorkload();
    const artifact = await engine.build({ workspace: workload.workspace, app: workload.app, release: workload.release, source, commit: "a".repeat(40), env: {}, timeoutMs: 60_000, output: () => {}, signal });
    await engine.apply({ ...workload, artifact }, { keepUp: false, signal });
    await until("its exit", async () => (await engine.observe())[0]?.state === "exited");
    expect(await engine.observe()).toMatchObject([{ state: "exited", exit: { code: 127 }, restarts: 0 }]);
    expect((await texts(engine, workload)).join("\n")).toMatch(/exec sh failed: No such file/);
    await stopAll(engine);
    await engine.removeArtifact(artifact);
    await done(home.path, engine);
  });

  it("says that an image is gone", async () => {
    await using home = await aHome();
    const engine = anEngine(home.path);
    const workload: Workload = { ...aWorkload(), artifact: { kind: "image", image: `sha256:${"0".repeat(64)}` } };
    await expect(engine.apply(workload, { keepUp: true, signal })).rejects.toMatchObject({ code: "artifact_missing", kind: "invalid" });
    // The network was made for it; the next stop of the app, or its next apply, uses or removes it.
    await daemon.call("DELETE", `/networks/norns-${installationOf(home.path).slice(0, 8)}-${workload.app}`);
    await done(home.path, engine);
  });

  it("builds from the files that .dockerignore leaves, with the build's arguments, and refuses a Dockerfile that is not there", async () => {
    await using home = await aHome();
    const engine = anEngine(home.path);
    const source = await aSource(home.path, { "Dockerfile.app": `FROM ${baseImage}\nARG VERSION\nARG GREETING\nCOPY . /app\nRUN ls -A /app && echo "$VERSION $GREETING"\n`, ".dockerignore": "secret*\n!secret-not\n.dockerignore\nDockerfile.app\n", secret: "1", "secret-not": "2", kept: "3" });
    const printed: string[] = [];
    const request = { workspace: newId("WorkspaceId"), app: "own-build" as AppName, release: newId("ReleaseId"), source, commit: "c0ffee", env: { GREETING: "hello" }, timeoutMs: 60_000, output: (_: unknown, chunk: Uint8Array) => printed.push(Buffer.from(chunk).toString()), signal };
    const artifact = await engine.build({ ...request, dockerfile: "Dockerfile.app" });
    expect(artifact).toEqual({ kind: "image", image: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) });
    expect(printed.join("")).toContain("kept\nsecret-not\n");
    expect(printed.join("")).toContain("c0ffee hello");
    await expect(engine.build({ ...request, release: newId("ReleaseId"), dockerfile: "Other" })).rejects.toMatchObject({ code: "dockerfile_invalid" });
    await engine.removeArtifact(artifact);
    await done(home.path, engine);
  });

  it("builds what only BuildKit understands, its arguments off the client's argv", async () => {
    await using home = await aHome();
    const engine = anEngine(home.path);
    const source = await aSource(home.path, { Dockerfile: `# syntax-less\nFROM ${baseImage}\nARG SECRETISH\nRUN --mount=type=cache,target=/cache echo "$SECRETISH" > /made && echo ${Date.now()} && cat /proc/version > /cache/x\n` });
    const printed: string[] = [];
    const request = { workspace: newId("WorkspaceId"), app: "own-build" as AppName, release: newId("ReleaseId"), source, commit: "c", env: { SECRETISH: "of-the-build", DOCKER_HOST: "tcp://evil" }, timeoutMs: 60_000, output: (_: unknown, chunk: Uint8Array) => printed.push(Buffer.from(chunk).toString()), signal };
    const artifact = await engine.build(request);
    expect(artifact).toEqual({ kind: "image", image: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) });
    expect(await engine.build(request)).toEqual(artifact);
    expect(printed.join("")).toContain("RUN --mount=type=cache");
    await engine.removeArtifact(artifact);
    const failing = await aSource(home.path, { Dockerfile: `FROM ${baseImage}\nRUN --mount=type=cache,target=/cache echo the reason && exit 4\n` });
    await expect(engine.build({ ...request, release: newId("ReleaseId"), source: failing })).rejects.toMatchObject({ code: "command_failed", kind: "invalid" });
    expect(printed.join("")).toContain("the reason");
    await done(home.path, engine);
  });

  it("ends a build that takes too long, and one that is given up", async () => {
    await using home = await aHome();
    const engine = anEngine(home.path);
    const source = await aSource(home.path, { Dockerfile: `FROM ${baseImage}\nRUN echo begun ${Date.now()} && sleep 60\n` });
    const request = { workspace: newId("WorkspaceId"), app: "own-build" as AppName, release: newId("ReleaseId"), source, commit: "c", env: {}, output: () => {}, signal };
    await expect(engine.build({ ...request, timeoutMs: 1500 })).rejects.toMatchObject({ code: "command_timed_out", kind: "invalid" });
    const giveUp = new AbortController();
    const building = engine.build({ ...request, timeoutMs: 60_000, output: (_, chunk) => Buffer.from(chunk).includes("begun") && giveUp.abort(new Error("gave up")), signal: giveUp.signal });
    await expect(building).rejects.toThrow("gave up");
    const running = () => daemon.call<readonly { Command: string }[]>("GET", "/containers/json");
    await until("the build's containers to end", async () => !(await running()).some(({ Command }) => Command.includes("sleep 60")));
    await done(home.path, engine);
  });

  it("uses an image that is there already, by its digest, and leaves it there", async () => {
    await using home = await aHome();
    const engine = anEngine(home.path);
    const request = { workspace: newId("WorkspaceId"), app: "own-image" as AppName, release: newId("ReleaseId"), source: home.path, commit: "c", env: {}, timeoutMs: 30_000, output: () => {}, signal };
    expect(await engine.build({ ...request, image: baseImage })).toEqual({ kind: "image", image });
    await engine.removeArtifact({ kind: "image", image });
    expect(await baseImageId()).toBe(image);
    expect((await daemon.call<{ RepoTags: string[] }>("GET", `/images/${image}/json`)).RepoTags).not.toContain(`norns/own-image:${request.release}`);
    await expect(engine.build({ ...request, release: newId("ReleaseId"), image: "norns.invalid/nothing:1" })).rejects.toThrow();
    await done(home.path, engine);
  });

  it("lets an unprivileged user of the image write its volume, and nobody else on the machine", async () => {
    await using home = await aHome();
    const engine = anEngine(home.path);
    const source = await aSource(home.path, { Dockerfile: `FROM ${baseImage}\nUSER 1234:1234\n` });
    const base = aWorkload({ command: 'id -u; echo kept > "$NORNS_VOLUME_DATA_ONE/file" && echo written; exec sleep 300', volumes: [{ name: "data-one", mount: "/data", readOnly: false, shared: false }] });
    const artifact = await engine.build({ workspace: base.workspace, app: base.app, release: base.release, source, commit: "c", env: {}, timeoutMs: 60_000, output: () => {}, signal });
    const workload = { ...base, artifact };
    await engine.apply(workload, { keepUp: true, signal });
    await until("the volume written", async () => (await texts(engine, workload)).includes("written"));
    expect(await readFile(join(home.path, "volumes", base.app, "data-one/file"), "utf8")).toBe("kept\n");
    expect((await stat(join(home.path, "volumes", base.app))).mode & 0o077).toBe(0);
    await stopAll(engine);
    await engine.removeArtifact(artifact);
    await done(home.path, engine);
  });

  it("removes one-off containers whose server was killed over them", async () => {
    await using home = await aHome();
    const engine = anEngine(home.path);
    const body = { Image: image, Entrypoint: ["sleep", "300"], Labels: { [labels.installation]: installationOf(home.path), [labels.kind]: "once", [labels.node]: "x", [labels.owner]: "1-0" } };
    const node = newId("NodeId");
    const { Id } = await daemon.call<{ Id: string }>("POST", "/containers/create", { body: { ...body, Labels: { ...body.Labels, [labels.node]: node } } });
    await daemon.call("POST", `/containers/${Id}/start`);
    const next = anEngine(home.path, { node });
    const once = { workspace: newId("WorkspaceId"), app: "own-once" as AppName, release: newId("ReleaseId") as ReleaseId, artifact: { kind: "image", image } as const, command: "true", env: {}, volumes: [], timeoutMs: 20_000, output: () => {}, signal };
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

  it("takes in a burst of 200,000 lines whole, or says what is missing", async () => {
    await using home = await aHome();
    const engine = anEngine(home.path);
    const script = "const lines=200000;let n=0;const more=()=>{while(n<lines){if(!process.stdout.write('line '+(++n)+' '+'x'.repeat(90)+'\\n'))return process.stdout.once('drain',more)}setInterval(()=>{},1e3)};more()";
    const workload = aWorkload({ command: `exec node -e "${script}"`, resources: { cpuMhz: 1000, memoryMb: 512 } });
    await engine.apply(workload, { keepUp: true, signal });
    await until("the last line", async () => {
      const found: string[] = [];
      for await (const entry of engine.logs({ workspace: workload.workspace, app: workload.app, tail: 1, follow: false, signal })) if ("text" in entry) found.push(entry.text);
      return found.some((text) => text.startsWith("line 200000 "));
    }, 60_000);
    const entries = await lines(engine, workload);
    const numbers = entries.flatMap((entry) => ("text" in entry && entry.stream === "stdout" ? [Number(entry.text.split(" ")[1])] : []));
    const gaps = entries.filter((entry) => "gap" in entry);
    expect(numbers.at(-1)).toBe(200_000);
    for (let index = 1; index < numbers.length; index++) if (numbers[index] !== numbers[index - 1]! + 1) expect(gaps.length, `lines ${numbers[index - 1]} and ${numbers[index]} are neighbours`).toBeGreaterThan(0);
    expect(new Set(numbers).size).toBe(numbers.length);
    await done(home.path, engine);
  }, 90_000);

  it("collects each line once though the collecting server is killed again and again", async () => {
    await using home = await aHome();
    const node = newId("NodeId");
    const engine = anEngine(home.path, { node });
    const workload = aWorkload({ command: "i=0; while [ $i -lt 3000 ]; do i=$((i+1)); echo line $i; [ $((i % 10)) = 0 ] && sleep 0.01; done; echo end >&2; exec sleep 300" });
    await engine.apply(workload, { keepUp: true, signal });
    await engine.close();
    const program = join(home.path, "server.ts");
    await writeFile(
      program,
      `import { createDockerEngine } from ${JSON.stringify(join(import.meta.dirname, "index.ts"))};
       import { silentLog } from "@norns/kernel/log"; import { systemClock } from "@norns/kernel/clock";
       const engine = createDockerEngine({ home: ${JSON.stringify(home.path)}, node: ${JSON.stringify(node)}, log: silentLog, clock: systemClock });
       engine.watch(() => {}, new AbortController().signal); await engine.observe(); process.send("up"); setInterval(() => {}, 1000);`,
    );
    await mkdir(join(home.path, "node_modules"), { recursive: true });
    for (let round = 0; round < 8; round++) {
      const server = fork(program, { cwd: import.meta.dirname, stdio: ["ignore", "ignore", "inherit", "ipc"], execArgv: ["--import", `data:text/javascript,import{registerHooks}from"node:module";registerHooks({resolve:(s,c,n)=>s.startsWith("@norns/")?n(s,{...c,parentURL:${JSON.stringify(import.meta.url)}}):n(s,c)})`] });
      await new Promise((resolve) => server.once("message", resolve));
      await systemClock.sleep(60 + Math.random() * 300);
      const ended = new Promise((resolve) => server.once("exit", resolve));
      server.kill("SIGKILL");
      await ended;
    }
    const last = anEngine(home.path, { node });
    await last.observe();
    await until("the end", async () => (await texts(last, workload)).includes("end"), 20_000);
    const stdout = (await texts(last, workload)).filter((text) => text !== "end");
    expect(stdout).toEqual(Array.from({ length: 3000 }, (_, index) => `line ${index + 1}`));
    await done(home.path, last);
  }, 60_000);

  it("gives journals of their own to instances, under the app's name", async () => {
    await using home = await aHome();
    const engine = anEngine(home.path);
    const workload = aWorkload();
    const [instance] = await engine.apply(workload, { keepUp: true, signal });
    await until("a line", async () => (await texts(engine, workload)).includes("ready"));
    expect((await stat(instanceLogDirectory(home.path, workload.app, instance!.id))).isDirectory()).toBe(true);
    expect(await engine.stats(["ins_nothing" as InstanceId])).toEqual([]);
    await done(home.path, engine);
  });

  it("makes more apps' networks than Docker has ranges for by itself", async () => {
    await using home = await aHome();
    const engine = anEngine(home.path);
    const workloads = Array.from({ length: 36 }, () => aWorkload({ command: "exec sleep 300" }));
    for (let at = 0; at < workloads.length; at += 6) await Promise.all(workloads.slice(at, at + 6).map((workload) => engine.apply(workload, { keepUp: true, signal })));
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
