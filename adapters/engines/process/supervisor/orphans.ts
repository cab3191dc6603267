/** Processes that carry our marks and that no record knows: reported, never touched by themselves. */
import { existsSync } from "node:fs";
import type { AppName, InstanceId, NodeId, ProcessName, ReleaseId, WorkspaceId } from "@norns/kernel/ids";
import { instanceLogDirectory } from "../../journal/instance-journal.ts";
import { findMetaNow, type JournalMeta } from "../../journal/meta.ts";
import type { Instance } from "../../workload.ts";
import { instanceMark, supervisorMark } from "./marks.ts";
import { findEnvironment, listPids, listStats, sendSignal, treeOf } from "./processes.ts";

export function findOrphans(options: { home: string; node: NodeId; isKnown: (id: InstanceId) => boolean }): Instance[] {
  const orphans = new Map<InstanceId, Instance>();
  for (const pid of listPids()) {
    const env = findEnvironment(pid, instanceMark);
    const id = env?.get(instanceMark);
    if (!env || !id || !/^ins_[0-9a-z]{26}$/.test(id) || env.get(supervisorMark) !== options.node) continue;
    const instance = id as InstanceId; // Just matched.
    if (options.isKnown(instance) || orphans.has(instance)) continue;
    orphans.set(instance, toOrphan(options, instance, pid, env));
  }
  return [...orphans.values()];
}

function toOrphan(options: { home: string; node: NodeId }, id: InstanceId, pid: number, env: ReadonlyMap<string, string>): Instance {
  const app = env.get("NORNS_APP") ?? "unknown";
  const directory = /^[a-z0-9-]{1,63}$/.test(app) ? instanceLogDirectory(options.home, app, id) : "";
  const meta = directory !== "" && existsSync(directory) ? findMetaNow<JournalMeta>(directory) : null;
  const port = Number(env.get("PORT"));
  return {
    id,
    // Without a journal nobody knows whose it was: labels of no workspace match none.
    workspace: meta?.workspace ?? ("" as WorkspaceId),
    app: meta?.app ?? (app as AppName),
    release: meta?.release ?? ((env.get("NORNS_RELEASE") ?? "") as ReleaseId),
    process: meta?.process ?? ((env.get("NORNS_PROCESS") ?? "unknown") as ProcessName),
    index: meta?.index ?? 0,
    node: options.node,
    state: "running",
    ...(Number.isInteger(port) && port > 0 ? { address: { host: "127.0.0.1", port } } : {}),
    startedAt: meta?.startedAt ?? 0,
    restarts: 0,
    handle: `pid ${pid}`,
    isOrphan: true,
  };
}

/** Ends an orphan that a person named. */
export async function killOrphan(id: InstanceId): Promise<void> {
  for (let round = 0; round < 100; round++) {
    const tree = treeOf(0, listStats(), { name: instanceMark, value: id });
    if (tree.length === 0) return;
    for (const { pid } of tree) sendSignal(pid, round === 0 ? "SIGTERM" : "SIGKILL");
    await new Promise((resolve) => setTimeout(resolve, round === 0 ? 500 : 20));
  }
}
