import type { CurrentRelease } from "@norns/capabilities/apps/processes";
import { startAudited, type By } from "@norns/capabilities/apps/start-audited";
import type { OperationId } from "@norns/kernel/ids";
import type { VerbDeps } from "./create.ts";
import { noReleaseToRollBackTo, notDeployed, releaseIsCurrent, releaseNotFound, releaseNotKept } from "./errors.ts";
import { isKept, type KeptRelease, type Release } from "./release.ts";
import { previousGood } from "./rules.ts";

/** Nothing is built: the release runs again as it was, with its own spec and artifact, whatever became of its source. */
export async function rollBackApp(
  deps: VerbDeps,
  by: By,
  name: string,
  to: string | undefined,
): Promise<{ operation: OperationId; release: Release }> {
  const { workspace } = by;
  const app = await deps.catalog.getApp(workspace, name);
  const current = await deps.processes.findCurrent(workspace, app.name);
  if (!current) throw notDeployed(app.name);
  const releases = await deps.rows.listReleases(workspace, app.name);
  const target = to === undefined ? previousGood(releases, { id: current.release, number: current.number }) : chosen(releases, to, current);
  if (!target) throw noReleaseToRollBackTo(app.name, current.number);
  const operation = await startRollback(deps, by, current, target, { isAutomatic: false, reason: "asked for" });
  return { operation, release: target };
}

/** One that never came into service is not gone back to: there is no back. */
function chosen(releases: readonly Release[], to: string, current: CurrentRelease): KeptRelease {
  const release = releases.find(({ id, number }) => id === to || String(number) === to);
  if (!release) throw releaseNotFound(current.app, to);
  if (release.id === current.release) throw releaseIsCurrent(current.app, release.number);
  if (!isKept(release) || release.currentSince === null) throw releaseNotKept(current.app, release.number, release.commit);
  return release;
}

export function startRollback(
  deps: VerbDeps,
  by: By,
  current: CurrentRelease,
  target: KeptRelease,
  { isAutomatic, reason }: { isAutomatic: boolean; reason: string },
): Promise<OperationId> {
  const { workspace, app } = current;
  return startAudited(deps, by, {
    app,
    definition: deps.operations.rollback,
    input: { workspace, app, release: target.id, from: current.release, isAutomatic, reason },
    node: current.node,
    action: "apps.rollback",
    before: { release: current.number },
    after: { release: target.number, reason },
    also: (write, operation) =>
      deps.rows.addDeployment(write, {
        id: operation,
        workspace,
        app,
        kind: "rollback",
        ref: target.ref,
        actor: by.actor.label,
        releaseId: target.id,
        release: target,
        from: current,
        isAutomatic,
        at: deps.clock.now(),
      }),
  });
}
