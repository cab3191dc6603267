import { subject } from "@norns/kernel/events";
import { Write, type Store } from "@norns/kernel/database";
import type { Actor } from "@norns/kernel/actor";
import type { Ledger } from "@norns/kernel/ledger";
import type { OperationId, WorkspaceId } from "@norns/kernel/ids";
import type { Audit } from "@norns/capabilities/identity/audit";
import type { Catalog } from "@norns/capabilities/apps/catalog";
import { notDeployed } from "./errors.ts";
import type { ProcessesOperations } from "./operations.ts";
import type { ProcessesStore } from "./store.ts";

export interface VerbDeps {
  readonly store: Store;
  readonly rows: ProcessesStore;
  readonly catalog: Catalog;
  readonly ledger: Ledger;
  readonly audit: Audit;
  readonly operations: ProcessesOperations;
}

export async function restartApp(
  deps: VerbDeps,
  workspace: WorkspaceId,
  name: string,
  actor: Actor,
  requestId?: string,
): Promise<OperationId> {
  const app = await deps.catalog.getApp(workspace, name);
  const current = await deps.rows.find(workspace, app.name);
  if (!current) throw notDeployed(app.name);

  const write = new Write();
  const operation = deps.ledger.start(write, {
    definition: deps.operations.restart,
    input: { workspace, app: app.name },
    workspace,
    subject: subject("app", app.name),
    actor,
    node: current.node,
  });
  deps.audit.record(write, {
    workspace,
    actor,
    action: "apps.restart",
    subject: subject("app", app.name),
    after: { release: current.number },
    operation,
    ...(requestId ? { requestId } : {}),
  });
  await write.commit(deps.store);
  return operation;
}
