/** A process engine in a directory of its own, for tests: everything it leaves behind is looked for and is a failure. */
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "@norns/kernel/clock";
import { newId, type AppName, type NodeId, type ReleaseId, type WorkspaceId } from "@norns/kernel/ids";
import { silentLog } from "@norns/kernel/log";
import type { EngineUnderTest } from "../conformance.ts";
import { createProcessEngine, type ProcessEngine, type ProcessEngineOptions } from "./engine.ts";
import { findEnvironment, findStat, listStats, sendSignal } from "./supervisor/processes.ts";
import { jobMark } from "./job.ts";
import { instanceMark, supervisorMark } from "./supervisor/marks.ts";

export interface ProcessEngineUnderTest extends EngineUnderTest {
  readonly engine: ProcessEngine;
  readonly home: string;
  readonly node: NodeId;
  reopen(): Promise<ProcessEngine>;
  killSupervisor(): Promise<void>;
  /** Pid of the supervisor that lives now. */
  findSupervisor(): number | null;
  /** A directory with these files that `build` takes as source. */
  aSource(files: Readonly<Record<string, string>>): string;
}

const serve = `const http = require("node:http");
const server = http.createServer((_, answer) => answer.end(process.env.NORNS_RELEASE));
server.listen(process.env.PORT, "127.0.0.1", () => console.log("listening"));
process.on("SIGTERM", () => server.close(() => process.exit(0)));
`;

export async function aProcessEngine(options: Partial<ProcessEngineOptions> = {}): Promise<ProcessEngineUnderTest> {
  const root = mkdtempSync(join(tmpdir(), "norns-process-"));
  chmodSync(root, 0o711);
  const home = options.home ?? join(root, "home");
  const node = newId("NodeId") as NodeId;
  const make = () => createProcessEngine({ home, node, log: silentLog, clock: systemClock, buildEnv: {}, ...options });
  const engine = make();
  const signal = new AbortController().signal;
  let sources = 0;
  const aSource = (files: Readonly<Record<string, string>>) => {
    const directory = join(root, `source-${++sources}`);
    mkdirSync(directory);
    for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
    return directory;
  };
  const artifact = await engine.build({
    workspace: newId("WorkspaceId") as WorkspaceId,
    app: "conformance" as AppName,
    release: newId("ReleaseId") as ReleaseId,
    source: aSource({ "serve.cjs": serve }),
    commit: "0".repeat(40),
    env: {},
    timeoutMs: 10_000,
    output: () => {},
    signal,
  });
  // Every app of the suite runs from this one artifact: let all of them read it.
  if (artifact.kind === "directory") for (const path of [artifact.path, join(artifact.path, "serve.cjs")]) chmodSync(path, 0o755);

  const findSupervisor = () => {
    const path = join(home, "run");
    const lock = safeNames(path)
      .filter((name) => /^lock\.\d+$/.test(name))
      .sort((a, b) => Number(a.slice(5)) - Number(b.slice(5)))
      .at(-1);
    if (!lock) return null;
    const [pid, startTime] = readFileSync(join(path, lock), "latin1").split(" ");
    const stat = findStat(Number(pid));
    return stat && !stat.isDead && stat.startTime === startTime ? Number(pid) : null;
  };

  return {
    engine,
    home,
    node,
    artifact,
    aSource,
    findSupervisor,
    serveCommand: "exec node serve.cjs",
    reopen: () => Promise.resolve(make()),
    killSupervisor: async () => {
      const pid = findSupervisor();
      if (pid === null) throw new Error("there is no supervisor to kill");
      sendSignal(pid, "SIGKILL");
      while (findStat(pid)?.isDead === false) await new Promise((resolve) => setTimeout(resolve, 2));
    },
    build: (request) =>
      engine.build({
        workspace: newId("WorkspaceId") as WorkspaceId,
        app: request.app,
        release: request.release,
        source: aSource({ README: "a source" }),
        commit: "0".repeat(40),
        command: request.command,
        env: {},
        timeoutMs: request.timeoutMs ?? 10_000,
        output: (_, chunk) => request.output(Buffer.from(chunk).toString()),
        signal: request.signal ?? signal,
      }),
    cleanUp: async () => {
      const left = await engine.observe();
      await engine.stop(
        left.map(({ id }) => id),
        { signal },
      );
      await engine.retireSupervisor();
      await engine.close();
      const pipes = safeNames(join(home, "run", "pipes"));
      const records = safeNames(join(home, "run", "instances"));
      const marked = listStats().filter(({ pid }) => {
        const env = findEnvironment(pid);
        return env?.get(supervisorMark) === node && (env.has(instanceMark) || env.has(jobMark));
      });
      const supervisor = findSupervisor();
      // Sealed releases refuse even their owner.
      spawnSync("chmod", ["-R", "u+rwX", root]);
      rmSync(root, { recursive: true, force: true });
      const found = { pipes, records, processes: marked.map(({ pid, command }) => `${pid} ${command}`), supervisor };
      if (pipes.length + records.length + marked.length > 0 || supervisor !== null)
        throw new Error(`left behind: ${JSON.stringify(found)}`);
    },
  };
}

function safeNames(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
