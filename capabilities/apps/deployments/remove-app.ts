import type { Actor } from "@norns/kernel/actor";
import { Write } from "@norns/kernel/database";
import { subject } from "@norns/kernel/events";
import type { OperationId, WorkspaceId } from "@norns/kernel/ids";
import type { VerbDeps } from "./create.ts";

/** Out of the catalogue at once; stopped by the operation that commits with it. Its volumes stay until they are removed by name. */
export async function removeApp(
  deps: VerbDeps,
  workspace: WorkspaceId,
  name: string,
  actor: Actor,
  requestId?: string,
): Promise<OperationId> {
  const app = await deps.catalog.getApp(workspace, name);
  const current = await deps.processes.findCurrent(workspace, app.name);
  const write = new Write();
  await deps.catalog.forgetApp(write, { workspace, name: app.name, actor });
  const operation = deps.ledger.start(write, {
    definition: deps.operations.remove,
    input: { workspace, app: app.name },
    workspace,
    subject: subject("app", app.name),
    actor,
    node: current?.node ?? deps.node,
  });
  deps.audit.record(write, {
    workspace,
    actor,
    action: "apps.remove",
    subject: subject("app", app.name),
    before: current ? { release: current.number, commit: current.commit } : {},
    operation,
    ...(requestId ? { requestId } : {}),
  });
  await write.commit(deps.store);
  return operation;
}
