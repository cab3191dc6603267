/** Whose journal a directory holds: so that the lines of an instance can be read when the instance is long gone. */
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { AppName, InstanceId, ProcessName, ReleaseId, WorkspaceId } from "@norns/kernel/ids";

export interface JournalMeta {
  readonly instance: InstanceId;
  readonly workspace: WorkspaceId;
  readonly app: AppName;
  readonly release: ReleaseId;
  readonly process: ProcessName;
  readonly index: number;
  readonly startedAt: number;
  /** When the instance was gone for good; absent while it lives. A journal is kept 7 days from then. */
  readonly endedAt?: number;
}

export interface StepMeta {
  readonly operation: string;
  readonly step: string;
  readonly startedAt: number;
  readonly endedAt?: number;
}

const fileName = "meta.json";

export function writeMeta(directory: string, meta: JournalMeta | StepMeta): void {
  const path = join(directory, fileName);
  writeFileSync(`${path}.new`, JSON.stringify(meta), { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

export async function findMeta<Meta extends JournalMeta | StepMeta>(directory: string): Promise<Meta | null> {
  try {
    return JSON.parse(await readFile(join(directory, fileName), "utf8")) as Meta; // Written by writeMeta alone.
  } catch (error) {
    if (isAbsent(error)) return null;
    throw error;
  }
}

export function findMetaNow<Meta extends JournalMeta | StepMeta>(directory: string): Meta | null {
  try {
    return JSON.parse(readFileSync(join(directory, fileName), "utf8")) as Meta; // Written by writeMeta alone.
  } catch (error) {
    if (isAbsent(error)) return null;
    throw error;
  }
}

function isAbsent(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === "ENOENT" || code === "ENOTDIR";
}
