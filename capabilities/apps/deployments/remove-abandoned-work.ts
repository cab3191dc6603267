/** Files of builds whose operation is over, and of uploads that broke off with their server. */
import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { idSchema } from "@norns/kernel/ids";
import type { VerbDeps } from "./create.ts";

/** Longer than any upload may take. */
const uploadMs = 60 * 60_000;

export async function removeAbandonedWork(deps: Pick<VerbDeps, "home" | "ledger" | "clock">): Promise<void> {
  const work = join(deps.home, "work");
  const names = await readdir(work).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  for (const name of names) if (await isAbandoned(deps, work, name)) await rm(join(work, name), { recursive: true, force: true });
}

async function isAbandoned(deps: Pick<VerbDeps, "ledger" | "clock">, work: string, name: string): Promise<boolean> {
  if (name.startsWith("upload-")) {
    const found = await stat(join(work, name)).catch(() => undefined);
    return found !== undefined && deps.clock.now() - found.mtimeMs > uploadMs;
  }
  const id = idSchema("OperationId").safeParse(name);
  if (!id.success) return false;
  const operation = await deps.ledger.find(id.data);
  return operation === null || operation.finishedAt !== undefined;
}
