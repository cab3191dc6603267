/**
 * One Norns server a data directory. The lock is a file with the server's process id and start time; it is taken by
 * making a link, which only one can. A lock whose process is gone is put aside. Advisory: it protects against mistakes.
 */
import { randomBytes } from "node:crypto";
import { link, readFile, rename, rm, writeFile } from "node:fs/promises";
import { conflict } from "@norns/kernel/errors";
import { startTimeOf } from "./process-identity.ts";

export interface ServerLock {
  release(): Promise<void>;
}

interface Holder {
  readonly pid: number;
  readonly startTime: string;
  readonly token: string;
}

/** Locks held by this very process: the file alone would say "that is me". */
const heldHere = new Set<string>();

export async function takeServerLock(path: string): Promise<ServerLock> {
  const refuse = (pid: number) =>
    conflict(
      "home_in_use",
      `Another Norns server (process ${pid}) is using this NORNS_HOME. Stop it, or set NORNS_HOME to another directory.`,
      { details: { pid } },
    );
  if (heldHere.has(path)) throw refuse(process.pid);
  heldHere.add(path);
  try {
    const token = randomBytes(12).toString("hex");
    const mine: Holder = { pid: process.pid, startTime: (await startTimeOf(process.pid)) ?? "", token };
    const draft = `${path}.${token}`;
    await writeFile(draft, JSON.stringify(mine), { mode: 0o600, flag: "wx" });
    try {
      for (;;) {
        try {
          await link(draft, path);
          break;
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
        }
        const holder = await readHolder(path);
        if (holder && holder.startTime !== "" && (await startTimeOf(holder.pid)) === holder.startTime) throw refuse(holder.pid);
        await putAside(path, holder?.token, token);
      }
    } finally {
      await rm(draft, { force: true });
    }
    return {
      async release() {
        if ((await readHolder(path))?.token === token) await rm(path, { force: true });
        heldHere.delete(path);
      },
    };
  } catch (error) {
    heldHere.delete(path);
    throw error;
  }
}

/** Renames the stale lock away; if somebody else was quicker and it is theirs by now, gives it back. */
async function putAside(path: string, staleToken: string | undefined, token: string): Promise<void> {
  const aside = `${path}.stale.${token}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  if ((await readHolder(aside))?.token !== staleToken) await link(aside, path).catch(() => {});
  await rm(aside, { force: true });
}

async function readHolder(path: string): Promise<Holder | undefined> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as Holder;
  } catch {
    return undefined;
  }
}
