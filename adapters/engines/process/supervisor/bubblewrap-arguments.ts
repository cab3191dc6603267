/**
 * The environment for `bwrap --args 5`: `--setenv NAME VALUE …` with NUL between, in a file that has no name any more
 * when bubblewrap reads it. So no value is ever on a command line, where every user of the machine could read it.
 */
import { openSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** A descriptor to hand on as number 5; close it after the spawn. */
export function openBubblewrapArguments(directory: string, id: string, env: Readonly<Record<string, string>>): number {
  const path = join(directory, `${id}.env`);
  const words = Object.entries(env).flatMap(([name, value]) => ["--setenv", name, value]);
  writeFileSync(path, words.map((word) => `${word}\0`).join(""), { mode: 0o600 });
  try {
    return openSync(path, "r");
  } finally {
    rmSync(path, { force: true });
  }
}
