/** What each kind of thing is, in the few states that have a glyph and a colour. Pure. */
import type { AppStatus, Operation } from "@norns/client";
import type { State } from "./terminal.ts";

/** An app, with its state in words. */
export function appState(app: AppStatus): { state: State; words: string } {
  if (!app.isDeployed)
    return app.isValid ? { state: "unknown", words: "not deployed" } : { state: "attention", words: "spec is not valid" };
  // Before "healthy": of nothing all are.
  if (wantedCount(app) === 0) return { state: "stopped", words: "scaled to zero" };
  if (app.healthy) return { state: "ok", words: app.isAbsent ? "running, spec is gone" : "running" };
  return healthyCount(app) > 0 ? { state: "attention", words: "partly up" } : { state: "failed", words: "down" };
}

/** Instances that should run. */
export const wantedCount = (app: AppStatus): number => Object.values(app.desired).reduce((sum, count) => sum + count, 0);

/** Instances of the current release that answer. */
export const healthyCount = (app: AppStatus): number => app.allocations.filter((one) => one.isCurrent && one.healthy).length;

export function instanceState(one: { readonly state: string; readonly healthy?: boolean | undefined }): State {
  if (one.state === "running") return one.healthy === false ? "attention" : one.healthy ? "ok" : "working";
  if (one.state === "starting") return "working";
  return one.state === "exited" || one.state === "lost" ? "failed" : "stopped";
}

const operationStates: Readonly<Record<Operation["state"], State>> = {
  queued: "working",
  running: "working",
  retrying: "attention",
  undoing: "attention",
  succeeded: "ok",
  cancelled: "stopped",
  failed: "failed",
  undone: "failed",
  undo_failed: "failed",
};

export const operationState = (state: Operation["state"]): State => operationStates[state];

export type StepStateName = "pending" | "running" | "retrying" | "done" | "skipped" | "failed" | "undone";

const stepStates: Readonly<Record<StepStateName, State>> = {
  pending: "unknown",
  running: "working",
  retrying: "attention",
  done: "ok",
  skipped: "stopped",
  failed: "failed",
  undone: "attention",
};

export const stepState = (state: StepStateName): State => stepStates[state];

/** An event of the log, by its action's last word. */
export function eventState(action: string): State {
  if (/\.(failed|undo_failed)$/.test(action)) return "failed";
  if (/\.(retry|undone|cancelled|rollback)$/.test(action)) return "attention";
  if (/\.(complete|restarted|scaled|applied)$/.test(action)) return "ok";
  if (/\.(start|progress)$/.test(action)) return "working";
  return "stopped";
}
