/** Which containers of a daemon are ours, and which of our processes collects their logs. */
import { randomBytes } from "node:crypto";
import { existsSync, linkSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** A name for this NORNS_HOME, made once: it outlives the database, so containers are known again after its loss. */
export function installationOf(home: string): string {
  const folder = join(home, "docker");
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, "installation");
  if (!existsSync(path)) {
    const draft = `${path}.${randomBytes(6).toString("hex")}`;
    writeFileSync(draft, randomBytes(8).toString("hex"), { mode: 0o600 });
    try {
      linkSync(draft, path);
    } catch (thrown) {
      if (!(thrown instanceof Error && "code" in thrown && thrown.code === "EEXIST")) throw thrown;
    } finally {
      rmSync(draft, { force: true });
    }
  }
  return readFileSync(path, "utf8").trim();
}

/**
 * One collector a home, because a journal has one writer. Files `collector.1`, `collector.2` … made whole by link(2): of
 * many who try, one gets the next number; it holds while its process lives. The highest is never removed by others.
 */
export function takeCollecting(home: string): { release(): void } | undefined {
  const folder = join(home, "docker");
  const token = `${process.pid} ${startTimeNow(process.pid)} ${randomBytes(6).toString("hex")}`;
  for (;;) {
    const highest = numbersIn(folder).at(-1) ?? 0;
    if (highest > 0 && isHeld(join(folder, `collector.${highest}`))) return undefined;
    const draft = join(folder, `draft.${randomBytes(6).toString("hex")}`);
    const mine = join(folder, `collector.${highest + 1}`);
    writeFileSync(draft, token, { mode: 0o600 });
    try {
      linkSync(draft, mine);
    } catch (thrown) {
      if (thrown instanceof Error && "code" in thrown && thrown.code === "EEXIST") continue;
      throw thrown;
    } finally {
      rmSync(draft, { force: true });
    }
    if (numbersIn(folder).at(-1) !== highest + 1) {
      rmSync(mine, { force: true });
      continue;
    }
    for (const number of numbersIn(folder)) if (number <= highest) rmSync(join(folder, `collector.${number}`), { force: true });
    // Emptied, not removed: the number must stay the highest until a successor has taken a higher one.
    return { release: () => writeFileSync(mine, "") };
  }
}

const numbersIn = (folder: string): number[] =>
  readdirSync(folder)
    .filter((name) => /^collector\.\d+$/.test(name))
    .map((name) => Number(name.slice("collector.".length)))
    .sort((a, b) => a - b);

function isHeld(path: string): boolean {
  let text;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    // Its holder's successor removed it between our look and this one: look again.
    return false;
  }
  const [pid, started] = text.split(" ");
  return started !== undefined && startTimeNow(Number(pid)) === started;
}

function startTimeNow(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined;
  }
}
