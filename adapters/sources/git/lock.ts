/**
 * One at a time a mirror: within this process by a queue, between processes of one NORNS_HOME by a lock file that names
 * its holder by pid and start time, so that the lock of a killed process is taken over at once. Two holders would do no
 * harm beyond wasted work (git locks each ref that it writes); the lock saves the second download.
 */
import { randomBytes } from "node:crypto";
import { link, readFile, rename, rm, writeFile } from "node:fs/promises";
import type { Clock } from "@norns/kernel/clock";

export type Locks = <T>(path: string, signal: AbortSignal, work: () => Promise<T>) => Promise<T>;

export function createLocks(clock: Clock): Locks {
  const queues = new Map<string, Promise<void>>();
  return async (path, signal, work) => {
    const before = queues.get(path) ?? Promise.resolve();
    const done = Promise.withResolvers<void>();
    const tail = before.then(() => done.promise);
    queues.set(path, tail);
    try {
      await unlessAborted(before, signal);
      return await holding(path, clock, signal, work);
    } finally {
      done.resolve();
      void tail.then(() => queues.get(path) === tail && queues.delete(path));
    }
  };
}

async function unlessAborted(wait: Promise<void>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const onAbort = (): void => aborted.reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    await Promise.race([wait, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

async function holding<T>(path: string, clock: Clock, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  const me = `${process.pid} ${await startTime(process.pid)} ${randomBytes(8).toString("hex")}`;
  const draft = `${path}.${randomBytes(8).toString("hex")}`;
  await writeFile(draft, me, { mode: 0o600, flag: "wx" });
  try {
    for (let waitMs = 10; ; waitMs = Math.min(waitMs * 2, 500)) {
      signal.throwIfAborted();
      if (await linked(draft, path)) break;
      await removeIfAbandoned(path);
      await clock.sleep(waitMs, signal);
    }
    try {
      return await work();
    } finally {
      await rm(path, { force: true });
    }
  } finally {
    await rm(draft, { force: true });
  }
}

/** `link` makes the lock appear whole, with its content, or not at all. */
async function linked(draft: string, path: string): Promise<boolean> {
  try {
    await link(draft, path);
    return true;
  } catch (thrown) {
    if (thrown instanceof Error && "code" in thrown && thrown.code === "EEXIST") return false;
    throw thrown;
  }
}

async function removeIfAbandoned(path: string): Promise<void> {
  const content = await readFile(path, "utf8").catch(() => undefined);
  if (content === undefined) return;
  const [pid, started] = content.split(" ");
  if ((await startTime(Number(pid))) === started) return;
  const aside = `${path}.${randomBytes(8).toString("hex")}`;
  const moved = await rename(path, aside).then(
    () => true,
    () => false,
  );
  if (!moved) return;
  // Somebody may have taken over between our look and the move: what was moved is theirs then, and is put back.
  if ((await readFile(aside, "utf8")) !== content) await linked(aside, path);
  await rm(aside, { force: true });
}

/** Clock ticks since boot at which the process started; tells a pid's second owner from its first. */
async function startTime(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
  return stat?.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
}
