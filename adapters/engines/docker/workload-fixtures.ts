/** Workloads and looks at them, for the tests of what is Docker's own. */
import { type AppName, newId, type ProcessName } from "@norns/kernel/ids";
import { expect } from "vitest";
import type { Engine, LogGap, LogLine } from "../port.ts";
import type { Group, Workload } from "../workload.ts";
import { baseImageId, leftovers } from "./fixtures.ts";
import type { Daemon } from "./transport.ts";

export const signal: AbortSignal = new AbortController().signal;
export const socket = "/var/run/docker.sock";

/** `prefix` keeps the apps of test files that run side by side apart. */
export async function aBench(prefix: string, daemon: Daemon) {
  // Without a daemon the tests are skipped, and this is never used.
  const image = await baseImageId().catch(() => "");
  let count = 0;
  const aWorkload = (change: Partial<Group> = {}, app = `${prefix}-${++count}` as AppName): Workload => ({
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
  const stopAll = async (engine: Engine) =>
    engine.stop(
      (await engine.observe()).map(({ id }) => id),
      { signal },
    );
  const inspect = (handle: string) =>
    daemon.call<{ HostConfig: Record<string, unknown>; Image: string; Config: { Env: string[] } }>("GET", `/containers/${handle}/json`);
  const lines = async (engine: Engine, workload: Workload) => {
    const entries: (LogLine | LogGap)[] = [];
    for await (const entry of engine.logs({ workspace: workload.workspace, app: workload.app, follow: false, signal })) entries.push(entry);
    return entries;
  };
  const texts = async (engine: Engine, workload: Workload) =>
    (await lines(engine, workload)).flatMap((entry) => ("text" in entry && entry.stream !== "system" ? [entry.text] : []));
  const done = async (home: string, ...engines: Engine[]) => {
    await stopAll(engines[0]!);
    for (const engine of engines) await engine.close();
    expect(await leftovers(home)).toEqual([]);
  };
  return { image, aWorkload, stopAll, inspect, lines, texts, done };
}
