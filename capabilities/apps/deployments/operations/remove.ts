import { drainMsOf } from "@norns/capabilities/apps/processes";
import { Write } from "@norns/kernel/database";
import { done, skipped, type StepDefinition } from "@norns/kernel/ledger";
import { isKept } from "../release.ts";
import { isArtifactShared } from "../rules.ts";
import type { RemoveInput, StepDeps } from "./deps.ts";

/** Everything of the app goes but its volumes, its logs and its history. The catalogue has forgotten it already. */
export function removeAppSteps(deps: StepDeps): StepDefinition<RemoveInput>[] {
  return [
    {
      name: "stop",
      timeoutMs: 30 * 60_000,
      cannotUndo: "A removed app is registered and deployed again.",
      async run(context) {
        const { workspace, app } = context.input;
        const current = await deps.processes.findCurrent(workspace, app);
        // First out of what should run, or the watcher would start it again.
        const write = new Write();
        deps.processes.dropCurrent(write, workspace, app);
        await write.commit(deps.store);
        const running = await deps.processes.observeApp(workspace, app);
        for (const { engine, instances } of running)
          await deps.processes.drainAndStop(engine, instances, current ? drainMsOf(current.spec) : () => 0, context.signal);
        await deps.processes.refresh();
        if (running.length === 0) return skipped("Nothing of it ran.");
        return done({ stopped: running.reduce((count, { instances }) => count + instances.length, 0) });
      },
    },
    {
      name: "cleanup",
      timeoutMs: 10 * 60_000,
      cannotUndo: "Artifacts are built again by a deployment.",
      async run(context) {
        const { workspace, app } = context.input;
        let releases = await deps.rows.listReleases(workspace, app);
        for (const release of releases.filter(isKept)) {
          if (!isArtifactShared(release, releases)) await deps.processes.engineOf(release.engine).removeArtifact(release.artifact);
          releases = releases.filter(({ id }) => id !== release.id);
        }
        const write = new Write();
        deps.rows.forgetApp(write, workspace, app);
        return done(undefined, write);
      },
    },
  ];
}
