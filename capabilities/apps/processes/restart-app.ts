import { startAudited, type By } from "@norns/capabilities/apps/start-audited";
import type { Store } from "@norns/kernel/database";
import type { Ledger } from "@norns/kernel/ledger";
import type { OperationId } from "@norns/kernel/ids";
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

export async function restartApp(deps: VerbDeps, by: By, name: string): Promise<OperationId> {
  const { workspace } = by;
  const app = await deps.catalog.getApp(workspace, name);
  const current = await deps.rows.find(workspace, app.name);
  if (!current) throw notDeployed(app.name);
  return startAudited(deps, by, {
    app: app.name,
    definition: deps.operations.restart,
    input: { workspace, app: app.name },
    node: current.node,
    action: "apps.restart",
    after: { release: current.number },
  });
}
