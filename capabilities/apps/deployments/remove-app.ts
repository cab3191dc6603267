import { startAudited, type By } from "@norns/capabilities/apps/start-audited";
import type { OperationId } from "@norns/kernel/ids";
import type { VerbDeps } from "./create.ts";

/** Out of the catalogue at once; stopped by the operation that commits with it. Its volumes stay until they are removed by name. */
export async function removeApp(deps: VerbDeps, by: By, name: string): Promise<OperationId> {
  const { workspace, actor } = by;
  const app = await deps.catalog.getApp(workspace, name);
  const current = await deps.processes.findCurrent(workspace, app.name);
  return startAudited(deps, by, {
    app: app.name,
    definition: deps.operations.remove,
    input: { workspace, app: app.name },
    node: current?.node ?? deps.node,
    action: "apps.remove",
    before: current ? { release: current.number, commit: current.commit } : {},
    also: (write) => deps.catalog.forgetApp(write, { workspace, name: app.name, actor }),
  });
}
