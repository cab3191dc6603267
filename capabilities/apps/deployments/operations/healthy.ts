import { toWorkload } from "@norns/capabilities/apps/processes";
import { Write } from "@norns/kernel/database";
import { invalid } from "@norns/kernel/errors";
import { subject } from "@norns/kernel/events";
import { done, skipped, type StepContext, type StepResult } from "@norns/kernel/ledger";
import { imageTagOf, releaseName, toCurrent, type KeptRelease } from "../release.ts";
import type { ReleaseInput, StepDeps } from "./deps.ts";
import { releaseOf, submittedOf } from "./submit.ts";
import type { Step } from "./step-names.ts";

/**
 * Waits for the instances of this release, and of no other, to be healthy. The switch commits with this step's record:
 * either the step is done and the release is current, or neither.
 */
export function healthy<Input extends ReleaseInput>(deps: StepDeps, category: "deploy" | "rollback"): Step<Input> {
  return {
    name: "healthy",
    // The groups' own deadlines end it far sooner.
    timeoutMs: 60 * 60_000,
    retry: { tries: 3, backoffMs: 1_000, factor: 2 },
    async run(context): Promise<StepResult> {
      const moot = submittedOf(context)?.moot;
      if (moot !== undefined) return skipped(moot);
      const { workspace, app } = context.input;
      const release = await releaseOf(deps, context);
      const workload = toWorkload(toCurrent(release, 0), await deps.processes.scalesOf(workspace, app));
      const verdict = await deps.processes.awaitHealthy(deps.processes.engineOf(release.engine), workload, {
        signal: context.signal,
        onProgress: context.progress,
      });
      if (!verdict.healthy)
        throw invalid("not_healthy", `${capitalise(releaseName(release))} of ${app} did not become healthy: ${verdict.reason}`, {
          details: { release: release.number, evidence: verdict.evidence },
        });
      return switchTo(deps, context, category, release, verdict.instances, verdict.waitedMs);
    },
  };
}

async function switchTo(
  deps: StepDeps,
  context: StepContext<ReleaseInput>,
  category: "deploy" | "rollback",
  release: KeptRelease,
  instances: Parameters<StepDeps["processes"]["trust"]>[0],
  waitedMs: number,
): Promise<StepResult> {
  const { workspace, app } = context.input;
  const now = deps.clock.now();
  const current = await deps.processes.findCurrent(workspace, app);
  const from = current?.release === release.id ? null : current;
  const output = { release: release.number, from: from?.number ?? null, waitedMs };
  // A step that ran before and whose record was lost with its worker: the switch would have been lost with it.
  const write = new Write();
  deps.processes.makeCurrent(write, toCurrent(release, now));
  // Going back says that what is left was no good; going forward again says nothing of the kind.
  deps.rows.setSwitched(write, context.operation.id, release.id, from, from !== null && release.number < from.number, now);
  deps.events.append(write, {
    workspace,
    subject: subject("app", app),
    operation: context.operation.id,
    category,
    action: `${category}.switched`,
    message: `${capitalise(releaseName(release))} of ${app} is in service${from ? `, in place of ${releaseName(from)}` : ""}.`,
    metadata: {
      release: String(release.number),
      commit: release.commit,
      imageTag: imageTagOf(release, release.artifact),
      ...(from ? { from: String(from.number) } : {}),
    },
    actor: context.operation.actor,
  });
  // Known before the switch: routes change to instances that were just seen healthy, without a gap.
  deps.processes.trust(instances);
  await deps.processes.refresh();
  return done(output, write);
}

const capitalise = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
