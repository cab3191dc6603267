/** What may be gone back to, what is kept, and what a deployment's status is. Pure. */
import type { OperationState, OperationStep } from "@norns/kernel/ledger";
import type { DeploymentStatus } from "./contract.ts";
import { statusOfStep } from "./operations/step-names.ts";
import { isKept, type KeptRelease, type Release } from "./release.ts";

/**
 * Where a rollback goes that names no release: the newest good one before the current. Never forward, so that two
 * rollbacks in a row go back twice instead of returning to what was just left.
 */
export function previousGood(releases: readonly Release[], current: Pick<Release, "id" | "number">): KeptRelease | undefined {
  return releases
    .filter((release) => release.state === "good" && release.number < current.number)
    .filter(isKept)
    .toSorted((left, right) => right.number - left.number)[0];
}

/**
 * Releases whose artifact may go: all but the newest `kept`, the current one, and the one that was current before it.
 */
export function releasesToPrune(releases: readonly Release[], currentId: string | undefined, kept: number): KeptRelease[] {
  const newest = releases.toSorted((left, right) => right.number - left.number).slice(0, kept);
  const before = releases
    .filter((release) => release.id !== currentId && release.currentSince !== null)
    .toSorted((left, right) => right.currentSince! - left.currentSince!)[0];
  const keep = new Set([...newest.map(({ id }) => id as string), currentId, before?.id]);
  return releases.filter(isKept).filter(({ id }) => !keep.has(id));
}

/** Two releases of the same source may share one image: it goes with the last of them. */
export const isArtifactShared = (release: KeptRelease, releases: readonly Release[]): boolean =>
  releases.some(
    (other) => other.id !== release.id && other.artifact !== null && JSON.stringify(other.artifact) === JSON.stringify(release.artifact),
  );

/** The seed's one word for where a deployment stands, from the operation and its steps. */
export function statusOf(
  operation: { readonly state: OperationState; readonly steps: readonly Pick<OperationStep, "name" | "state">[] },
  hasSwitched: boolean,
): DeploymentStatus {
  switch (operation.state) {
    case "queued":
      return "queued";
    case "succeeded":
      return "deployed";
    case "running":
    case "retrying": {
      const step = currentStep(operation.steps);
      return step === undefined ? "healthy" : (statusOfStep(step) ?? "building");
    }
    default:
      // Once the new release serves, what goes wrong afterwards does not take it out of service.
      return hasSwitched ? "deployed" : "failed";
  }
}

/** The first step that is not over. */
export const currentStep = (steps: readonly Pick<OperationStep, "name" | "state">[]): string | undefined =>
  steps.find(({ state }) => state === "running" || state === "pending")?.name;
