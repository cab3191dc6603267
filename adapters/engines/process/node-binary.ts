/** The Node that apps find first on their PATH: ours, copied under NORNS_HOME when app users cannot get to where it is. */
import { copyFile, link, mkdir, rename, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { firstBarrier } from "./isolation.ts";

export async function reachableNode(options: { home: string; nodeBinary: string; needsReach: boolean }): Promise<{ directory: string }> {
  const { home, nodeBinary } = options;
  if (!options.needsReach || firstBarrier(nodeBinary) === null) return { directory: dirname(nodeBinary) };
  const directory = join(home, "node", process.version);
  const copy = join(directory, "node");
  const known = await stat(copy).catch(() => null);
  if (known?.size === (await stat(nodeBinary)).size) return { directory };
  await mkdir(directory, { recursive: true, mode: 0o755 });
  const draft = `${copy}.${process.pid}`;
  await link(nodeBinary, draft).catch(() => copyFile(nodeBinary, draft));
  await rename(draft, copy);
  return { directory };
}
