import type { Actor } from "@norns/kernel/actor";
import type { CurrentRelease } from "@norns/capabilities/apps/processes";
import { Write } from "@norns/kernel/database";
import { subject } from "@norns/kernel/events";
import type { OperationId, WorkspaceId } from "@norns/kernel/ids";
import type { VerbDeps } from "./create.ts";
import { noReleaseToRollBackTo, notDeployed, releaseIsCurrent, releaseNotFound, releaseNotKept } from "./errors.ts";
import { isKept, type KeptRelease, type Release } from "./release.ts";
import { previousGood } from "./rules.ts";

/** Nothing is built: the release runs again as it was, with its own spec and artifact, whatever became of its source. */
export async function rollBackApp(
  deps: VerbDeps,
  workspace: WorkspaceId,
  name: string,
  to: string | undefined,
  actor: Actor,
  requestId?: string,
): Promise<{ operation: OperationId; release: Release }> {
  const app = await deps.catalog.getApp(workspace, name);
  const current = await deps.processes.findCurrent(workspace, app.name);
  if (!current) throw notDeployed(app.name);
  const releases = await deps.rows.listReleases(workspace, app.name);
  const target = to === undefined ? previousGood(releases, { id: current.release, number: current.number }) : chosen(releases, to, current);
  if (!target) throw noReleaseToRollBackTo(app.name, current.number);
  const operation = await startRollback(deps, current, target, { actor, isAutomatic: false, reason: "asked for", requestId });
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

export async function startRollback(
  deps: VerbDeps,
  current: CurrentRelease,
  target: KeptRelease,
  why: { actor: Actor; isAutomatic: boolean; reason: string; requestId?: string | undefined },
): Promise<OperationId> {
  const { workspace, app } = current;
  const write = new Write();
  const operation = deps.ledger.start(write, {
    definition: deps.operations.rollback,
    input: { workspace, app, release: target.id, from: current.release, isAutomatic: why.isAutomatic, reason: why.reason },
    workspace,
    subject: subject("app", app),
    actor: why.actor,
    node: current.node,
  });
  deps.rows.addDeployment(write, {
    id: operation,
    workspace,
    app,
    kind: "rollback",
    ref: target.ref,
    actor: why.actor.label,
    releaseId: target.id,
    release: target,
    from: current,
    isAutomatic: why.isAutomatic,
    at: deps.clock.now(),
  });
  deps.audit.record(write, {
    workspace,
    actor: why.actor,
    action: "apps.rollback",
    subject: subject("app", app),
    before: { release: current.number },
    after: { release: target.number, reason: why.reason },
    operation,
    ...(why.requestId ? { requestId: why.requestId } : {}),
  });
  await write.commit(deps.store);
  return operation;
}
