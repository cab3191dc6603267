import { toWorkload } from "@norns/capabilities/apps/processes";
import type { StepContext } from "@norns/kernel/ledger";
import type { RollbackInput, StepDeps } from "./deps.ts";

/** How long a release may take to get over what made it look ill, before it is left. */
const secondChanceMs = 5_000;

/**
 * A rollback waits for the app's lock; by the time it holds it, what it was asked for may be past. One that a person
 * asked for goes through; an automatic one only while the release that it leaves is still current and still ill. Another
 * operation may just have put that release back in service, so it gets a moment, unless it has exited.
 */
export const mootRollback =
  (deps: StepDeps) =>
  async (context: StepContext<RollbackInput>): Promise<string | undefined> => {
    const { workspace, app, from, isAutomatic } = context.input;
    if (!isAutomatic) return undefined;
    const current = await deps.processes.findCurrent(workspace, app);
    if (current?.release !== from) return "The release that was to be left is not in service any more.";
    const workload = toWorkload(current, await deps.processes.scalesOf(workspace, app));
    const impatient = {
      ...workload,
      groups: workload.groups.map((group) => ({
        ...group,
        health: { ...group.health, deadlineMs: Math.min(group.health.deadlineMs, secondChanceMs) },
      })),
    };
    const verdict = await deps.processes.awaitHealthy(deps.processes.engineOf(current.engine), impatient, { signal: context.signal });
    return verdict.healthy ? "The release is healthy again, so it stays." : undefined;
  };
