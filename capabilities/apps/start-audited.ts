/** How every verb of this wing starts its work: the operation, its audit row and what goes with them, in one commit. */
import type { Audit } from "@norns/capabilities/identity/audit";
import type { Actor } from "@norns/kernel/actor";
import { Write, type Store } from "@norns/kernel/database";
import { subject } from "@norns/kernel/events";
import type { AppName, NodeId, OperationId, WorkspaceId } from "@norns/kernel/ids";
import type { Json, Ledger, OperationDefinition } from "@norns/kernel/ledger";

/** Who asks, in which workspace. */
export interface By {
  readonly workspace: WorkspaceId;
  readonly actor: Actor;
  readonly requestId?: string | undefined;
}

export interface AuditedWork<Input> {
  readonly app: AppName;
  readonly definition: OperationDefinition<Input>;
  readonly input: Input;
  /** The machine whose workers may do it. */
  readonly node: NodeId;
  /** As the audit log calls it: `apps.restart`. */
  readonly action: string;
  readonly before?: Json;
  readonly after?: Json;
  /** Adds the room's own rows. */
  also?(write: Write, operation: OperationId): void | Promise<void>;
}

/** Resolves with the operation's id once all of it is committed; nothing has happened when it throws. */
export async function startAudited<Input>(
  deps: { readonly store: Store; readonly ledger: Ledger; readonly audit: Audit },
  { workspace, actor, requestId }: By,
  { app, definition, input, node, action, before, after, also }: AuditedWork<Input>,
): Promise<OperationId> {
  const write = new Write();
  const about = subject("app", app);
  const operation = deps.ledger.start(write, { definition, input, workspace, subject: about, actor, node });
  await also?.(write, operation);
  deps.audit.record(write, {
    workspace,
    actor,
    action,
    subject: about,
    ...(before === undefined ? {} : { before }),
    ...(after === undefined ? {} : { after }),
    operation,
    ...(requestId ? { requestId } : {}),
  });
  await write.commit(deps.store);
  return operation;
}
