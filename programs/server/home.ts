/**
 * NORNS_HOME: the one directory where everything of this machine lives. Root's is passable (0711), because PostgreSQL and
 * per-app users live below it; everybody else's is closed. What is secret is 0600 either way.
 */
import { randomBytes } from "node:crypto";
import { chmod, link, mkdir, open, readFile, rename, rm, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { conflict, invalid } from "@norns/kernel/errors";
import { Secret } from "@norns/kernel/config";

export const defaultHome = (): string => (process.getuid?.() === 0 ? "/var/lib/norns" : join(homedir(), ".norns"));

/** Makes the directory and returns its absolute path. */
export async function prepareHome(configured: string | undefined): Promise<string> {
  const home = resolve(configured ?? defaultHome());
  const isRoot = process.getuid?.() === 0;
  try {
    await mkdir(home, { recursive: true, mode: isRoot ? 0o711 : 0o700 });
    const { uid, mode } = await stat(home);
    // A directory that somebody prepared keeps its mode, but for the doors that root's needs open.
    if (isRoot && (mode & 0o111) !== 0o111) await chmod(home, (mode & 0o777) | 0o111);
    if (!isRoot && uid !== process.getuid?.())
      throw conflict("home_of_another", `NORNS_HOME (${home}) belongs to another user. Set NORNS_HOME to a directory of your own.`);
    await mkdir(join(home, "keys"), { recursive: true, mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined || !("syscall" in (error as object))) throw error;
    throw invalid(
      "home_unusable",
      `NORNS_HOME (${home}) cannot be used: ${(error as Error).message}. Set NORNS_HOME to a directory that this user may write.`,
      { cause: error },
    );
  }
  return home;
}

/** A key of `NORNS_HOME/keys`: 32 random bytes, made once. Two starts at once end with the same key. */
export async function ensureKey(home: string, name: string): Promise<Secret> {
  const file = join(home, "keys", name);
  try {
    return new Secret((await readFile(file, "utf8")).trim());
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  await writeOnce(file, `${randomBytes(32).toString("base64")}\n`);
  return new Secret((await readFile(file, "utf8")).trim());
}

/** Makes the file, whole or not at all; one that is there already stays as it is. Mode 0600. */
export async function writeOnce(file: string, text: string): Promise<void> {
  const draft = await writeDraft(file, text);
  try {
    await link(draft, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

/** Replaces a file in one step: a reader sees the old text or the new. Mode 0600. */
export async function replaceFile(file: string, text: string): Promise<void> {
  await rename(await writeDraft(file, text), file);
}

async function writeDraft(file: string, text: string): Promise<string> {
  const draft = `${file}.${randomBytes(6).toString("hex")}.draft`;
  const handle = await open(draft, "wx", 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  return draft;
}
