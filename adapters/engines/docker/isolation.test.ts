/** What a container may do and reach. */
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { type ProcessName } from "@norns/kernel/ids";
import { afterAll, describe, expect, it } from "vitest";
import { getText, until } from "../conformance.ts";
import { aBench, signal, socket } from "./workload-fixtures.ts";
import { aHome, anEngine, aSource, baseImage, whyNoDocker } from "./fixtures.ts";
import { createDaemon } from "./transport.ts";

const reason = await whyNoDocker();

describe.skipIf(reason !== undefined)(`docker: isolation${reason === undefined ? "" : ` (skipped: ${reason})`}`, async () => {
  const daemon = createDaemon(socket);
  afterAll(() => daemon.close());
  const { aWorkload, stopAll, inspect, texts, done } = await aBench("isolation", daemon);

  it("[N10] [A7] [I5] runs instances without privileges that they could use against the machine", async () => {
    await using home = await aHome();
    const engine = anEngine(home.path);
    const command =
      "grep -E '^(CapEff|CapBnd|NoNewPrivs|Seccomp):' /proc/self/status; id -u; ls /var/run/docker.sock 2>&1; ulimit -c; cat /proc/1/cmdline | tr '\\0' ' '; echo; mknod /tmp/x b 8 0 2>&1 || true; mount -t tmpfs x /mnt 2>&1 || true; exec sleep 300";
    const workload = aWorkload({ command });
    const [instance] = await engine.apply(workload, { keepUp: true, signal });
    const { HostConfig } = await inspect(instance!.handle);
    expect(HostConfig).toMatchObject({
      Privileged: false,
      NetworkMode: expect.not.stringMatching(/^host$/),
      PidMode: "",
      IpcMode: "private",
      UTSMode: "",
      UsernsMode: "",
      Devices: null,
      CapDrop: ["ALL"],
      PidsLimit: 1024,
      Memory: 256 * 1024 ** 2,
      MemorySwap: 256 * 1024 ** 2,
      OomKillDisable: false,
      PortBindings: {},
    });
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
    const ask = (url: string) =>
      `exec node -e "fetch('${url}',{signal:AbortSignal.timeout(1500)}).then(r=>r.text()).catch(()=>'nothing').then(t=>{console.log('got '+t);setInterval(()=>{},1e3)})"`;
    const inside = {
      ...aWorkload({ process: "jobs" as ProcessName, command: ask("http://web:8080/") }, shop.app),
      workspace: shop.workspace,
    };
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
    const workload = aWorkload({
      command: `exec node -e "require('node:http').createServer((q,r)=>r.end('here')).listen(process.env.PORT)"`,
      port: 8080,
      count: 2,
    });
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
    const artifact = await engine.build({
      workspace: workload.workspace,
      app: workload.app,
      release: workload.release,
      source,
      commit: "a".repeat(40),
      env: {},
      timeoutMs: 60_000,
      output: () => {},
      signal,
    });
    await engine.apply({ ...workload, artifact }, { keepUp: false, signal });
    await until("its exit", async () => (await engine.observe())[0]?.state === "exited");
    expect(await engine.observe()).toMatchObject([{ state: "exited", exit: { code: 127 }, restarts: 0 }]);
    expect((await texts(engine, workload)).join("\n")).toMatch(/exec sh failed: No such file/);
    await stopAll(engine);
    await engine.removeArtifact(artifact);
    await done(home.path, engine);
  });

  it("lets an unprivileged user of the image write its volume, and nobody else on the machine", async () => {
    await using home = await aHome();
    const engine = anEngine(home.path);
    const source = await aSource(home.path, { Dockerfile: `FROM ${baseImage}\nUSER 1234:1234\n` });
    const base = aWorkload({
      command: 'id -u; echo kept > "$NORNS_VOLUME_DATA_ONE/file" && echo written; exec sleep 300',
      volumes: [{ name: "data-one", mount: "/data", readOnly: false, shared: false }],
    });
    const artifact = await engine.build({
      workspace: base.workspace,
      app: base.app,
      release: base.release,
      source,
      commit: "c",
      env: {},
      timeoutMs: 60_000,
      output: () => {},
      signal,
    });
    const workload = { ...base, artifact };
    await engine.apply(workload, { keepUp: true, signal });
    await until("the volume written", async () => (await texts(engine, workload)).includes("written"));
    expect(await readFile(join(home.path, "volumes", base.app, "data-one/file"), "utf8")).toBe("kept\n");
    expect((await stat(join(home.path, "volumes", base.app))).mode & 0o077).toBe(0);
    await stopAll(engine);
    await engine.removeArtifact(artifact);
    await done(home.path, engine);
  });
});
