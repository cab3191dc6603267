/**
 * One supervisor a NORNS_HOME. Lock files `lock.1`, `lock.2`, … are made with their content by link(2), which lets one
 * of many win; the highest number holds the lock while its process lives. The highest file is never removed, so two
 * who both found the old holder dead can never both believe that they are the highest.
 */
import { linkSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bootId, findStat } from "./processes.ts";

/** True when this process holds the lock now. */
export function takeLock(directory: string): boolean {
  for (;;) {
    const highest = lockNumbers(directory).at(-1) ?? 0;
    if (highest > 0 && isHeld(join(directory, `lock.${highest}`))) return false;
    const draft = join(directory, `lock-draft.${process.pid}`);
    writeFileSync(draft, `${process.pid} ${findStat(process.pid)?.startTime ?? ""} ${bootId()}`, { mode: 0o600 });
    try {
      linkSync(draft, join(directory, `lock.${highest + 1}`));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EEXIST") continue;
      throw error;
    } finally {
      rmSync(draft, { force: true });
    }
    const numbers = lockNumbers(directory);
    if (numbers.at(-1) !== highest + 1) {
      rmSync(join(directory, `lock.${highest + 1}`), { force: true });
      continue;
    }
    for (const number of numbers) if (number <= highest) rmSync(join(directory, `lock.${number}`), { force: true });
    return true;
  }
}

function lockNumbers(directory: string): number[] {
  return readdirSync(directory)
    .filter((name) => /^lock\.\d+$/.test(name))
    .map((name) => Number(name.slice(5)))
    .sort((a, b) => a - b);
}

function isHeld(path: string): boolean {
  let text: string;
  try {
    text = readFileSync(path, "latin1");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
  const [pid, startTime, boot] = text.split(" ");
  const stat = findStat(Number(pid));
  return stat !== null && !stat.isDead && stat.startTime === startTime && boot === bootId();
}
