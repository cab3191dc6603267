import { drainMsOf, toWorkload } from "@norns/capabilities/apps/processes";
import type { Engine, Instance } from "@norns/adapters/engines";
import { done, type Json, type StepContext } from "@norns/kernel/ledger";
import { releaseNotFound, releaseNotKept } from "../errors.ts";
import { isKept, releaseName, toCurrent, type KeptRelease } from "../release.ts";
import type { ReleaseInput, StepDeps } from "./deps.ts";
import { findOutput } from "./find-output.ts";
import type { Step } from "./step-names.ts";

/** Set when there is nothing left to do: the later steps then say why. */
export interface Submitted {
  readonly moot?: string;
  readonly stoppedOld: boolean;
  readonly instances: readonly string[];
}

export const submittedOf = (context: StepContext<ReleaseInput>): Submitted | undefined =>
  findOutput(context, "submit") as unknown as Submitted | undefined;

/** The release that this operation brings into service, with its artifact. */
export async function releaseOf(deps: StepDeps, context: StepContext<ReleaseInput>): Promise<KeptRelease> {
  const { workspace, app, release: id } = context.input;
  const release = await deps.rows.findRelease(workspace, app, id);
  if (!release) throw releaseNotFound(app, id);
  if (!isKept(release)) throw releaseNotKept(app, release.number, release.commit);
  return release;
}

/**
 * Starts the instances of the release, whole, beside the ones that serve; or in their place where a writable volume
 * belongs to one release at a time. They are not kept up yet: one that ends shows that the release is no good.
 */
export function submit<Input extends ReleaseInput>(
  deps: StepDeps,
  mootReason: (context: StepContext<Input>) => Promise<string | undefined> = async () => undefined,
): Step<Input> {
  return {
    name: "submit",
    timeoutMs: 30 * 60_000,
    retry: { tries: 4, backoffMs: 1_000, factor: 3 },
    async run(context) {
      const moot = await mootReason(context);
      if (moot !== undefined) {
        context.progress(moot);
        return done({ moot, stoppedOld: false, instances: [] });
      }
      const { workspace, app } = context.input;
      const release = await releaseOf(deps, context);
      const current = await deps.processes.findCurrent(workspace, app);
      const workload = toWorkload(toCurrent(release, 0), await deps.processes.scalesOf(workspace, app));

      let stoppedOld = false;
      if (current && current.release !== release.id) {
        const before = toWorkload(current, {});
        if ((workload.update === "recreate" || before.update === "recreate") && sharesVolume(release, current)) {
          stoppedOld = true;
          const old = await othersOf(deps, context);
          if (old.length > 0)
            context.progress(
              `Stopping ${releaseName(current)} first: the volume ${volumesOf(release).join(", ")} is written by one release at a time.`,
            );
          for (const { engine, instances } of old)
            await deps.processes.drainAndStop(engine, instances, drainMsOf(current.spec), context.signal);
        }
      }

      const engine = deps.processes.engineOf(release.engine);
      const instances = await engine.apply(workload, { keepUp: current?.release === release.id, signal: context.signal });
      context.progress(`${instances.length} ${instances.length === 1 ? "instance" : "instances"} of ${releaseName(release)} started.`, {
        engine: engine.name,
      });
      return done({ stoppedOld, instances: instances.map(({ id }) => id) } satisfies Submitted as unknown as Json);
    },

    /** Takes away what was started; what had to be stopped for it is started again. */
    async undo(context) {
      const { workspace, app, release: id } = context.input;
      const release = await deps.rows.findRelease(workspace, app, id);
      const current = await deps.processes.findCurrent(workspace, app);
      // Past the switch it is what should run.
      if (!release || current?.release === id) return;
      const engine = deps.processes.engineOf(release.engine);
      const started = (await engine.observe({ workspace, app })).filter((instance) => instance.release === id);
      if (started.length > 0)
        await engine.stop(
          started.map((instance) => instance.id),
          { signal: context.signal },
        );
      if (current) {
        const workload = toWorkload(current, await deps.processes.scalesOf(workspace, app));
        // Whether this operation stopped it, or it fell over meanwhile: it is what should run.
        await deps.processes.engineOf(current.engine).apply(workload, { keepUp: true, signal: context.signal });
      }
      await deps.processes.refresh();
    },
  };
}

/** The app's instances of other releases, by the engine that has them. */
export async function othersOf(
  deps: StepDeps,
  context: StepContext<ReleaseInput>,
): Promise<{ engine: Engine; instances: readonly Instance[] }[]> {
  const { workspace, app, release } = context.input;
  const found = await deps.processes.observeApp(workspace, app);
  return found
    .map(({ engine, instances }) => ({ engine, instances: instances.filter((instance) => instance.release !== release) }))
    .filter(({ instances }) => instances.length > 0);
}

const volumesOf = (release: Pick<KeptRelease, "spec">): string[] =>
  release.spec.volumes.filter(({ readOnly, shared }) => !readOnly && !shared).map(({ name }) => name);

/** Different volumes do not meet: both releases may run. */
function sharesVolume(next: Pick<KeptRelease, "spec">, current: Pick<KeptRelease, "spec">): boolean {
  const writes = (spec: KeptRelease["spec"]) =>
    new Set(spec.volumes.filter(({ readOnly, shared }) => !readOnly && !shared).map(({ name }) => name));
  const names = (spec: KeptRelease["spec"]) => new Set(spec.volumes.map(({ name }) => name));
  const [nextWrites, currentWrites] = [writes(next.spec), writes(current.spec)];
  const [nextNames, currentNames] = [names(next.spec), names(current.spec)];
  return [...nextWrites].some((name) => currentNames.has(name)) || [...currentWrites].some((name) => nextNames.has(name));
}
