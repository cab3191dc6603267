/**
 * The automatic rollback. Up to the switch nothing needs rolling back: the old release never stopped. What is watched
 * is the time after it: a release that a deployment brought and that turns unhealthy within its first minute is left for
 * the good one before it, by an operation that anybody can see, cancel and read. It happens once a release, and never
 * after a rollback: two bad releases do not hand the app back and forth.
 */
import type { Actor } from "@norns/kernel/actor";
import type { CurrentRelease, HealthTurn } from "@norns/capabilities/apps/processes";
import { Write } from "@norns/kernel/database";
import { NornsError } from "@norns/kernel/errors";
import { subject } from "@norns/kernel/events";
import type { WorkspaceId } from "@norns/kernel/ids";
import { activeStates } from "@norns/kernel/ledger";
import type { VerbDeps } from "./create.ts";
import { releaseName } from "./release.ts";
import { startRollback } from "./roll-back-app.ts";
import { previousGood } from "./rules.ts";

const retryMs = 1_000;

export function watchNewReleases(deps: VerbDeps, signal: AbortSignal): void {
  const stop = deps.processes.onUnhealthy((turn) => {
    void onUnhealthy(deps, turn, signal);
  });
  signal.addEventListener("abort", stop, { once: true });
}

/** Tried again while the database is away, for as long as the release counts as new. */
async function onUnhealthy(deps: VerbDeps, turn: HealthTurn, signal: AbortSignal): Promise<void> {
  const isNew = () => deps.clock.now() - turn.current.switchedAt < deps.limits.watchMs;
  while (isNew() && !signal.aborted) {
    try {
      await autoRollBack(deps, turn.current, turn.reason);
      return;
    } catch (error) {
      if (error instanceof NornsError && error.code === "unique_violation") return; // Another server was first.
      deps.log.warn({ error, app: turn.current.app }, "An automatic rollback could not be started; it is tried again.");
      await deps.clock.sleep(retryMs, signal).catch(() => {});
    }
  }
}

/** True when a rollback was started. */
export async function autoRollBack(deps: VerbDeps, unhealthy: CurrentRelease, reason: string): Promise<boolean> {
  const { workspace, app } = unhealthy;
  const current = await deps.processes.findCurrent(workspace, app);
  if (current?.release !== unhealthy.release) return false;
  const releases = await deps.rows.listReleases(workspace, app);
  const own = releases.find(({ id }) => id === current.release)?.operation;
  // Another operation is at work on the app: what it stops and starts is its business, and it says how it ended.
  const active = await deps.ledger.list({ subject: subject("app", app), states: activeStates, limit: 10 });
  if (active.operations.some(({ id, category }) => id !== own && category !== "preflight")) return false;
  const isForward = releases.every(({ number, currentSince }) => currentSince === null || number <= current.number);
  const target = previousGood(releases, { id: current.release, number: current.number });
  if (!isForward) return false;
  if (!current.spec.deployPolicy.autoRollback || !target) {
    await say(
      deps,
      current,
      `${releaseName(current)} of ${app} turned unhealthy (${reason}). ${target ? "Its spec says not to roll back by itself." : "There is no good release to go back to."}`,
    );
    return false;
  }
  await startRollback(deps, { workspace, actor: norns(workspace) }, current, target, { isAutomatic: true, reason });
  await say(deps, current, `${releaseName(current)} of ${app} turned unhealthy (${reason}): going back to ${releaseName(target)}.`);
  return true;
}

async function say(deps: VerbDeps, current: CurrentRelease, message: string): Promise<void> {
  const write = new Write();
  deps.events.append(write, {
    workspace: current.workspace,
    subject: subject("app", current.app),
    category: "system",
    action: "app.unhealthy",
    message,
    metadata: { release: String(current.number), commit: current.commit },
    actor: "norns",
  });
  await write.commit(deps.store);
}

/** Norns itself, where an actor has to be named. */
const norns = (workspace: WorkspaceId): Actor => ({
  kind: "system",
  id: "norns",
  label: "norns (automatic rollback)",
  via: "internal",
  roles: {},
  scopes: [],
  isPlatformAdmin: false,
  homeWorkspace: workspace,
});
