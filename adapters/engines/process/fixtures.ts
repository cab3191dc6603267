/** Workloads for the tests of this engine, and the attempts of an app to see what is not its own. */
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { newId, type AppName, type ProcessName, type ReleaseId, type WorkspaceId } from "@norns/kernel/ids";
import type { Engine, LogGap, LogLine, LogQuery } from "../port.ts";
import type { Artifact, Group, Workload } from "../workload.ts";
import { aProcessEngine } from "./testing.ts";

const workspace = newId("WorkspaceId") as WorkspaceId;

export function aGroup(command: string, change: Partial<Group> = {}): Group {
  return {
    process: "web" as ProcessName,
    kind: "worker",
    count: 1,
    command,
    env: {},
    health: { intervalMs: 1000, timeoutMs: 1000, deadlineMs: 10_000 },
    resources: { cpuMhz: 100, memoryMb: 256 },
    drain: { signal: "SIGTERM", timeoutMs: 1000 },
    volumes: [],
    ...change,
  };
}

export function aWorkload(artifact: Artifact, app: string, ...groups: Group[]): Workload {
  return { workspace, app: app as AppName, release: newId("ReleaseId") as ReleaseId, artifact, update: "rolling", groups };
}

export async function linesOf(
  engine: Engine,
  of: Pick<LogQuery, "app" | "workspace">,
  signal = new AbortController().signal,
): Promise<(LogLine | LogGap)[]> {
  const entries: (LogLine | LogGap)[] = [];
  for await (const entry of engine.logs({ workspace: of.workspace, app: of.app, follow: false, signal })) entries.push(entry);
  return entries;
}

/**
 * Puts what must stay hidden where it stands in a real NORNS_HOME, and has an app try to read, list and write all of it
 * by every way that it has. Answers what the app got hold of: nothing, if all is well.
 */
export async function whatAnAppGets(): Promise<{ isolation: readonly string[]; output: string; secrets: string[] }> {
  const under = await aProcessEngine();
  const { engine, home } = under;
  const signal = new AbortController().signal;
  try {
    const support = await engine.support();
    const secrets = [
      join(home, "credential"),
      join(home, "encryption-key"),
      join(home, "volumes", "other", "data", "private"),
      join(home, "homes", "other", "run", "private"),
      join(home, "releases", "other", "rel", "private"),
    ];
    const otherVolume = [{ name: "data", mount: "/data", readOnly: false, shared: false }];
    const run = (app: string, command: string, volumes = otherVolume) => {
      const output: string[] = [];
      const request = {
        workspace: newId("WorkspaceId") as WorkspaceId,
        app: app as AppName,
        release: newId("ReleaseId") as ReleaseId,
        artifact: under.artifact,
        env: { SECRET: "of-the-other" },
      };
      return engine
        .runOnce({
          ...request,
          command,
          volumes,
          timeoutMs: 20_000,
          output: (_, chunk) => output.push(Buffer.from(chunk).toString()),
          signal,
        })
        .then(() => output.join(""));
    };
    await run("other", 'echo SECRET-CONTENT > "$NORNS_VOLUME_DATA/private"; echo SECRET-CONTENT > "$HOME/private"');
    const otherRelease = await engine.build({
      workspace: newId("WorkspaceId") as WorkspaceId,
      app: "other" as AppName,
      release: newId("ReleaseId") as ReleaseId,
      source: under.aSource({ private: "SECRET-CONTENT" }),
      commit: "0".repeat(40),
      env: {},
      timeoutMs: 5_000,
      output: () => {},
      signal,
    });
    secrets[4] = join((otherRelease as { path: string }).path, "private");
    for (const path of secrets.slice(0, 2)) {
      writeFileSync(path, "SECRET-CONTENT", { mode: 0o600 });
      chmodSync(path, 0o600);
    }
    mkdirSync(join(home, "logs", "other"), { recursive: true, mode: 0o700 });
    writeFileSync(join(home, "logs", "other", "line"), "SECRET-CONTENT", { mode: 0o600 });
    secrets.push(join(home, "logs", "other", "line"));
    const tries = [
      `ls '${home}' '${home}/run' '${home}/run/instances' '${home}/logs' '${home}/volumes/other' '${home}/uids'`,
      `find '${home}' -name private -o -name credential -o -name '*.json' | grep . && echo FOUND-SOMETHING`,
      ...secrets.flatMap((path) => [
        `cat '${path}'`,
        `echo overwritten > '${path}'`,
        `ln '${path}' "$HOME/link-$$" && cat "$HOME/link-$$"`,
      ]),
      `rm -rf '${home}/credential' '${home}/volumes/other'`,
      `for p in /proc/[0-9]*; do cat $p/environ 2>/dev/null | tr '\\0' '\\n' | grep -a of-the-other && [ "$SECRET" != of-the-other ] && echo FOUND-SECRET; done`,
      `ls -l /proc/self/fd | grep -c . ; ls /proc/self/fd | tr '\\n' ' '`,
      `(exec 3<>/dev/tcp/127.0.0.1/1) 2>/dev/null; echo node: $(node --version)`,
    ].join("\n");
    const output = await run("attacker", `{ ${tries}\n} 2>&1; id; echo HOME=$HOME; echo ok > "$HOME/mine" && cat "$HOME/mine"`, []);
    const untouched = secrets.filter((path) => spawnSync("cat", [path]).stdout.toString().trim() === "SECRET-CONTENT");
    return { isolation: support.isolation, output, secrets: secrets.filter((path) => !untouched.includes(path)) };
  } finally {
    await under.cleanUp();
  }
}
