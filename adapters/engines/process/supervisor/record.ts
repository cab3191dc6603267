/**
 * What the supervisor knows of one instance, on disk before and after each thing it does, so that its successor can go
 * on from any line. Written whole to a new file, synced, renamed over the old. Holds the app's environment: 0600.
 */
import { closeSync, fsyncSync, openSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { AppName, InstanceId, ProcessName, ReleaseId, WorkspaceId } from "@norns/kernel/ids";
import type { InstanceExit } from "../../workload.ts";
import type { GroupRequest } from "./protocol.ts";

/**
 * starting: wanted, perhaps spawned, no pid on record. running. ending: its process has ended, its last output is being
 * read. exited: ended, and stays or waits for its next start. stopping: on its way out for good.
 */
export type Phase = "starting" | "running" | "ending" | "exited" | "stopping";

export interface InstanceRecord {
  readonly format: 1;
  readonly id: InstanceId;
  readonly workspace: WorkspaceId;
  readonly app: AppName;
  readonly release: ReleaseId;
  readonly process: ProcessName;
  readonly index: number;
  readonly group: GroupRequest;
  keepUp: boolean;
  phase: Phase;
  /** Pid and start time of the wrapper, and the boot they belong to. */
  pid?: number;
  startTime?: string;
  boot?: string;
  port?: number;
  startedAt: number;
  restarts: number;
  /** Ends in a row without a stable minute between: the back-off. */
  failures: number;
  exit?: InstanceExit;
  /** Why we killed it: becomes the exit's reason. */
  killReason?: string;
}

export function saveRecord(directory: string, record: InstanceRecord): void {
  const path = join(directory, `${record.id}.json`);
  try {
    const fd = openSync(`${path}.new`, "w", 0o600);
    try {
      writeFileSync(fd, JSON.stringify(record));
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(`${path}.new`, path);
  } catch (error) {
    rmSync(`${path}.new`, { force: true });
    throw error;
  }
}

export function removeRecord(directory: string, id: InstanceId): void {
  rmSync(join(directory, `${id}.json`), { force: true });
}

/** All records; `damaged` names files that are none (they are left where they are, for a person). */
export function loadRecords(directory: string): { records: InstanceRecord[]; damaged: string[] } {
  const records: InstanceRecord[] = [];
  const damaged: string[] = [];
  for (const name of readdirSync(directory)) {
    // The draft of a predecessor that was killed while it wrote.
    if (name.endsWith(".json.new")) rmSync(join(directory, name));
    if (!name.endsWith(".json")) continue;
    try {
      const record = JSON.parse(readFileSync(join(directory, name), "utf8")) as InstanceRecord; // Written by saveRecord alone.
      if (record.format !== 1 || `${record.id}.json` !== name) throw new Error("not a record of this version");
      records.push(record);
    } catch {
      damaged.push(name);
    }
  }
  return { records, damaged };
}
