/** Ends the PostgreSQL that a server of ours left running (it was killed): for `norns down`. */
import { access, readFile, realpath } from "node:fs/promises";
import { layoutOf } from "./data-directory.ts";
import { adoptPostmaster, stopPostmaster } from "./postmaster.ts";
import { takeServerLock } from "./server-lock.ts";

/**
 * Answers its process id, or undefined when none ran. Nothing is made, started or removed.
 *
 * Throws `conflict` `home_in_use` while a server uses this home: that one ends its own.
 */
export async function stopEmbeddedPostgres({ home, signal }: { home: string; signal: AbortSignal }): Promise<number | undefined> {
  const layout = layoutOf(await realpath(home));
  const isThere = await access(layout.data).then(
    () => true,
    () => false,
  );
  if (!isThere) return undefined;
  const lock = await takeServerLock(layout.serverLock);
  try {
    const password = (await readFile(layout.password, "utf8")).trim();
    const postmaster = await adoptPostmaster({ layout, password, signal });
    if (!postmaster) return undefined;
    await stopPostmaster(postmaster, layout.data);
    return postmaster.pid;
  } finally {
    await lock.release();
  }
}
