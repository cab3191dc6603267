/**
 * Numeric users for apps, when we are root: no entry in /etc/passwd, just a number that nothing else uses. Each app has
 * two: one runs its instances and commands, the next its builds, so that nothing that runs can reach into a build.
 * A file `uids/<uid>` with the app's name makes it so for good; link(2) lets one of two who ask at once win.
 */
import { createHash } from "node:crypto";
import { linkSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { AppName } from "@norns/kernel/ids";

/**
 * Above what systemd gives to containers and below 2^31. Each installation has a block of its own, by its path: the end
 * of a command ends everything of its user, and that must not be another installation's app.
 */
const lowestUid = 0x7000_0000;
const uidsInBlock = 4096;
const blocks = 0x1_0000;

const firstUidOf = (directory: string): number =>
  lowestUid + (createHash("sha256").update(resolve(directory)).digest().readUInt32BE() % blocks) * uidsInBlock;

export interface AppUids {
  readonly run: number;
  readonly build: number;
}

export function ensureUids(directory: string, app: AppName): AppUids {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const firstUid = firstUidOf(directory);
  for (;;) {
    const uids = readdirSync(directory)
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .sort((a, b) => a - b);
    const found = uids.find((uid) => readFileSync(join(directory, String(uid)), "utf8") === app);
    if (found !== undefined) return { run: found, build: found + 1 };
    const draft = join(directory, `draft.${process.pid}.${app}`);
    writeFileSync(draft, app, { mode: 0o600 });
    try {
      linkSync(draft, join(directory, String(Math.max(firstUid, (uids.at(-1) ?? firstUid - 2) + 2))));
    } catch (error) {
      // Somebody took it a moment ago: look again.
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    } finally {
      rmSync(draft, { force: true });
    }
  }
}
