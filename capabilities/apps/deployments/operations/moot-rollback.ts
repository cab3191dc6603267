import type { StepContext } from "@norns/kernel/ledger";
import type { RollbackInput, StepDeps } from "./deps.ts";

/**
 * A rollback waits for the app's lock; by the time it holds it, what it was asked for may be past. One that a person
 * asked for goes through as long as the target is not current; an automatic one only while the release that it leaves is
 * still current and still ill.
 */
export const mootRollback =
  (deps: StepDeps) =>
  async (context: StepContext<RollbackInput>): Promise<string | undefined> => {
    const { workspace, app, from, isAutomatic } = context.input;
    if (!isAutomatic) return undefined;
    const current = await deps.processes.findCurrent(workspace, app);
    if (current?.release !== from) return "The release that was to be left is not in service any more.";
    await deps.processes.refresh();
    const { healthy } = await deps.processes.getStatus(workspace, app);
    return healthy ? "The release is healthy again, so it stays." : undefined;
  };
