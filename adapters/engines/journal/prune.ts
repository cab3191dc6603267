/** Removes journals whose time is over: 7 days after the instance or the step ended. */
import { readdir, rm, rmdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { findMeta, type JournalMeta, type StepMeta } from "./meta.ts";

export const keepLogsMs = 7 * 24 * 60 * 60 * 1000;

/** Answers how many journals went. Safe at any time: what lives has no end. */
export async function pruneLogs(options: { home: string; now: number; keepMs?: number }): Promise<number> {
  const before = options.now - (options.keepMs ?? keepLogsMs);
  const logs = join(options.home, "logs");
  let removed = 0;
  for (const app of await directoriesIn(logs)) {
    for (const name of await directoriesIn(join(logs, app))) {
      const directory = join(logs, app, name);
      if (name === "operations") removed += await pruneOperations(directory, before);
      else removed += await pruneOne(directory, before);
    }
  }
  return removed;
}

async function pruneOperations(directory: string, before: number): Promise<number> {
  let removed = 0;
  for (const operation of await directoriesIn(directory)) {
    for (const step of await directoriesIn(join(directory, operation))) {
      removed += await pruneOne(join(directory, operation, step), before);
    }
    if ((await readdir(join(directory, operation))).length === 0) await rmdir(join(directory, operation));
  }
  return removed;
}

async function pruneOne(directory: string, before: number): Promise<number> {
  const meta = await findMeta<JournalMeta | StepMeta>(directory);
  // Without an end the writer may have died: a step that nobody wrote to for that long has ended too.
  const endedAt = meta?.endedAt ?? (meta && "step" in meta ? (await stat(directory)).mtimeMs : Number.POSITIVE_INFINITY);
  if (endedAt >= before) return 0;
  await rm(directory, { recursive: true, force: true });
  return 1;
}

async function directoriesIn(directory: string): Promise<string[]> {
  try {
    const entries = await readdir(directory, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
