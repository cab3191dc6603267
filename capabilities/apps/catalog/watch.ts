/**
 * Follows the apps directory. Only the directory and its direct sub-directories are watched, never what is below them:
 * a recursive watch of a home full of node_modules would cost thousands of kernel watches. A slow poll stands behind it
 * for file systems that report nothing.
 */
import { watch, type FSWatcher } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "@norns/kernel/clock";
import type { Log } from "@norns/kernel/log";
import { specFile } from "./directory.ts";

export interface WatchDeps {
  readonly appsDir: string;
  readonly clock: Clock;
  readonly log: Log;
  scan(signal: AbortSignal): Promise<void>;
}

export const watchTiming = { debounceMs: 150, pollMs: 15_000, pollWithoutWatchesMs: 3_000, mostWatches: 500 };

/** Scans, then scans again after each change, until the signal aborts. A failed scan is logged and tried again. */
export async function followDirectory(deps: WatchDeps, signal: AbortSignal, timing = watchTiming): Promise<void> {
  const watchers = new Map<string, FSWatcher>();
  let wake = () => {};
  let isDirty = false;
  const changed = () => {
    isDirty = true;
    wake();
  };
  signal.addEventListener("abort", changed);
  try {
    while (!signal.aborted) {
      isDirty = false;
      const { isComplete, hasAdded } = await renewWatches(deps.appsDir, watchers, timing.mostWatches, changed);
      await scanOrLog(deps, signal);
      // What was made before its watch began is found by looking once more.
      if (hasAdded) isDirty = true;
      if (!isDirty && !signal.aborted) {
        const nap = new AbortController();
        wake = () => nap.abort();
        await deps.clock.sleep(isComplete ? timing.pollMs : timing.pollWithoutWatchesMs, nap.signal).catch(() => {});
        wake = () => {};
      }
      if (isDirty && !signal.aborted) await deps.clock.sleep(timing.debounceMs, signal).catch(() => {});
    }
  } finally {
    signal.removeEventListener("abort", changed);
    for (const watcher of watchers.values()) watcher.close();
  }
}

async function scanOrLog(deps: WatchDeps, signal: AbortSignal): Promise<void> {
  try {
    await deps.scan(signal);
  } catch (error) {
    if (signal.aborted) return;
    // The loop is the retry: the next change or poll scans again, and the log says why this one did not work.
    deps.log.error({ error }, "The apps directory could not be read into the catalogue; it is tried again.");
  }
}

/** Watches what is there now. `isComplete` is false when something could not be watched: polling has to be quicker then. */
async function renewWatches(
  appsDir: string,
  watchers: Map<string, FSWatcher>,
  most: number,
  changed: () => void,
): Promise<{ isComplete: boolean; hasAdded: boolean }> {
  const folders = await readdir(appsDir, { withFileTypes: true }).catch(() => []);
  const wanted = new Set([appsDir, ...folders.filter((entry) => entry.isDirectory()).map((entry) => join(appsDir, entry.name))]);
  for (const [path, watcher] of watchers)
    if (!wanted.has(path)) {
      watcher.close();
      watchers.delete(path);
    }
  let isComplete = wanted.size <= most;
  let hasAdded = false;
  for (const path of [...wanted].slice(0, most)) {
    if (watchers.has(path)) continue;
    try {
      const watcher = watch(path, { persistent: false }, (_, name) => {
        if (path === appsDir || name === null || name === specFile) changed();
      });
      // Its directory was removed, or the kernel has no watches left: the poll notices either.
      watcher.on("error", () => {
        watcher.close();
        watchers.delete(path);
      });
      watchers.set(path, watcher);
      hasAdded = true;
    } catch {
      isComplete = false;
    }
  }
  return { isComplete, hasAdded };
}
