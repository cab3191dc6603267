import { startAudited, type By } from "@norns/capabilities/apps/start-audited";
import type { Clock } from "@norns/kernel/clock";
import type { AppName, NodeId, OperationId } from "@norns/kernel/ids";
import { aboveMaximum, noSuchProcess } from "./errors.ts";
import type { VerbDeps } from "./restart-app.ts";
import { countOf } from "./desired/workload.ts";

export interface ScaleDeps extends VerbDeps {
  readonly clock: Clock;
  readonly node: NodeId;
  /** Told after the commit, so that this process shows the new number at once. */
  onScaled(app: AppName, process: string, count: number): void;
}

/** The number is kept at once, with the operation that makes it so. It outlives deployments, and rollbacks too. */
export async function scaleApp(deps: ScaleDeps, by: By, name: string, to: { process: string; count: number }): Promise<OperationId> {
  const { workspace } = by;
  const app = await deps.catalog.getApp(workspace, name);
  const current = await deps.rows.find(workspace, app.name);
  const spec = current?.spec ?? app.spec;
  const scalable = spec?.processes.filter(({ kind }) => kind === "service" || kind === "worker") ?? [];
  const process = scalable.find((candidate) => candidate.name === to.process);
  if (!process)
    throw noSuchProcess(
      app.name,
      to.process,
      scalable.map((known) => known.name),
    );
  if (process.scaling.max !== undefined && to.count > process.scaling.max) throw aboveMaximum(process.name, to.count, process.scaling.max);
  const before = countOf(process, await deps.rows.scalesOf(workspace, app.name));

  return startAudited(deps, by, {
    app: app.name,
    definition: deps.operations.scale,
    input: { workspace, app: app.name, process: process.name, count: to.count, before },
    node: current?.node ?? deps.node,
    action: "apps.scale",
    before: { process: process.name, count: before },
    after: { process: process.name, count: to.count },
    also(write) {
      deps.rows.setScale(write, { workspace, app: app.name, process: process.name, count: to.count, at: deps.clock.now() });
      write.afterCommit(() => deps.onScaled(app.name, process.name, to.count));
    },
  });
}
