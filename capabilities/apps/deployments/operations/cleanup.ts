import { Write } from "@norns/kernel/database";
import { isRetryable, toNornsError } from "@norns/kernel/errors";
import { subject } from "@norns/kernel/events";
import { done, skipped, type StepContext } from "@norns/kernel/ledger";
import { imageTagOf, releaseName } from "../release.ts";
import { isArtifactShared, releasesToPrune } from "../rules.ts";
import type { ReleaseInput, StepDeps } from "./deps.ts";
import { removeWork } from "./source.ts";
import { submittedOf } from "./submit.ts";
import type { Step } from "./step-names.ts";

const tries = 3;

/** Files of the build go, and artifacts of releases that are not kept. What cannot be removed stays for the next time. */
export function cleanup<Input extends ReleaseInput>(deps: StepDeps, category: "deploy" | "rollback"): Step<Input> {
  return {
    name: "cleanup",
    timeoutMs: 10 * 60_000,
    retry: { tries, backoffMs: 1_000, factor: 3 },
    async run(context) {
      await removeWork(deps, context);
      const moot = submittedOf(context)?.moot;
      if (moot !== undefined) return skipped(moot);
      const write = new Write();
      let removed = 0;
      let warning: string | undefined;
      try {
        removed = await prune(deps, context);
      } catch (thrown) {
        if (context.signal.aborted) throw thrown;
        const error = toNornsError(thrown);
        if (isRetryable(error) && context.operation.attempt < tries) throw thrown;
        warning = error.message;
      }
      await sayDeployed(deps, write, context, category);
      return done({ removed, ...(warning === undefined ? {} : { warning }) }, write);
    },
  };
}

/** Each artifact is removed before its row forgets it: a death between the two removes it once more, which is harmless. */
async function prune(deps: StepDeps, context: StepContext<ReleaseInput>): Promise<number> {
  const { workspace, app } = context.input;
  const current = await deps.processes.findCurrent(workspace, app);
  const releases = await deps.rows.listReleases(workspace, app);
  const leaving = releasesToPrune(releases, current?.release, deps.limits.keptReleases);
  for (const release of leaving) {
    if (!isArtifactShared(release, releases)) await deps.processes.engineOf(release.engine).removeArtifact(release.artifact);
    const write = new Write();
    deps.rows.forgetArtifact(write, release.id);
    await write.commit(deps.store);
  }
  return leaving.length;
}

async function sayDeployed(deps: StepDeps, write: Write, context: StepContext<ReleaseInput>, category: string): Promise<void> {
  const { workspace, app, release: id } = context.input;
  const release = await deps.rows.findRelease(workspace, app, id);
  if (!release) return;
  deps.events.append(write, {
    workspace,
    subject: subject("app", app),
    operation: context.operation.id,
    category,
    action: `${category}.deployed`,
    message: `${releaseName(release)} of ${app} is deployed.`,
    metadata: { imageTag: imageTagOf(release, release.artifact), release: String(release.number), commit: release.commit },
    actor: context.operation.actor,
  });
}
