/** From Docker's log to the journal. */
import { fork } from "node:child_process";
import { mkdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { systemClock } from "@norns/kernel/clock";
import { type InstanceId, newId } from "@norns/kernel/ids";
import { afterAll, describe, expect, it } from "vitest";
import { until } from "../conformance.ts";
import { instanceLogDirectory } from "../journal/index.ts";
import { aBench, signal, socket } from "./workload-fixtures.ts";
import { aHome, anEngine, whyNoDocker } from "./fixtures.ts";
import { createDaemon } from "./transport.ts";

const reason = await whyNoDocker();

describe.skipIf(reason !== undefined)(`docker: logs${reason === undefined ? "" : ` (skipped: ${reason})`}`, async () => {
  const daemon = createDaemon(socket);
  afterAll(() => daemon.close());
  const { aWorkload, lines, texts, done } = await aBench("logs", daemon);

  it("takes in a burst of 200,000 lines whole, or says what is missing", async () => {
    await using home = await aHome();
    const engine = anEngine(home.path);
    const script =
      "const lines=200000;let n=0;const more=()=>{while(n<lines){if(!process.stdout.write('line '+(++n)+' '+'x'.repeat(90)+'\\n'))return process.stdout.once('drain',more)}setInterval(()=>{},1e3)};more()";
    const workload = aWorkload({ command: `exec node -e "${script}"`, resources: { cpuMhz: 1000, memoryMb: 512 } });
    await engine.apply(workload, { keepUp: true, signal });
    await until(
      "the last line",
      async () => {
        const found: string[] = [];
        for await (const entry of engine.logs({ workspace: workload.workspace, app: workload.app, tail: 1, follow: false, signal }))
          if ("text" in entry) found.push(entry.text);
        return found.some((text) => text.startsWith("line 200000 "));
      },
      60_000,
    );
    const entries = await lines(engine, workload);
    const numbers = entries.flatMap((entry) => ("text" in entry && entry.stream === "stdout" ? [Number(entry.text.split(" ")[1])] : []));
    const gaps = entries.filter((entry) => "gap" in entry);
    expect(numbers.at(-1)).toBe(200_000);
    for (let index = 1; index < numbers.length; index++)
      if (numbers[index] !== numbers[index - 1]! + 1)
        expect(gaps.length, `lines ${numbers[index - 1]} and ${numbers[index]} are neighbours`).toBeGreaterThan(0);
    expect(new Set(numbers).size).toBe(numbers.length);
    await done(home.path, engine);
  }, 90_000);

  it("collects each line once though the collecting server is killed again and again", async () => {
    await using home = await aHome();
    const node = newId("NodeId");
    const engine = anEngine(home.path, { node });
    const workload = aWorkload({
      command:
        "i=0; while [ $i -lt 3000 ]; do i=$((i+1)); echo line $i; [ $((i % 10)) = 0 ] && sleep 0.01; done; echo end >&2; exec sleep 300",
    });
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
      const server = fork(program, {
        cwd: import.meta.dirname,
        stdio: ["ignore", "ignore", "inherit", "ipc"],
        execArgv: [
          "--import",
          `data:text/javascript,import{registerHooks}from"node:module";registerHooks({resolve:(s,c,n)=>s.startsWith("@norns/")?n(s,{...c,parentURL:${JSON.stringify(import.meta.url)}}):n(s,c)})`,
        ],
      });
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
});
