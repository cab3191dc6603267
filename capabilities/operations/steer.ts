/** What a person does to an operation from outside. The audit row is in the very write that asks. */
import { authorise, type Action, type Actor } from "@norns/kernel/actor";
import type { Write } from "@norns/kernel/database";
import { notFound } from "@norns/kernel/errors";
import type { OperationId } from "@norns/kernel/ids";
import type { Ledger, Operation, OperationStep } from "@norns/kernel/ledger";
import type { Audit } from "@norns/capabilities/identity/audit";
import { steerOperations } from "./policy.ts";

export interface Steering {
  readonly ledger: Ledger;
  readonly audit: Audit;
}

export interface By {
  readonly actor: Actor;
  readonly requestId: string;
}

/**
 * The operation, if it is of a workspace where the actor may do this; its own workspace decides, not the request's.
 * Throws `not_found` / `operation_not_found` to those who do not belong there.
 */
export async function getOperation(
  ledger: Ledger,
  id: OperationId,
  actor: Actor,
  action: Action,
): Promise<Operation & { readonly steps: readonly OperationStep[] }> {
  const operation = await ledger.find(id);
  if (!operation || !Object.hasOwn(actor.roles, operation.workspace)) throw notFound("operation_not_found", `There is no operation ${id}.`);
  authorise(actor, action, operation);
  return operation;
}

/** Asking twice is asking once, and one row. Throws what `Ledger.cancel` throws. */
export async function cancelOperation(room: Steering, id: OperationId, by: By): Promise<void> {
  const operation = await getOperation(room.ledger, id, by.actor, steerOperations);
  await room.ledger.cancel(id, { label: by.actor.label }, (write) => record(room.audit, write, "operations.cancel", operation, by));
}

/** Throws what `Ledger.retry` throws. */
export async function retryOperation(room: Steering, id: OperationId, by: By): Promise<void> {
  const operation = await getOperation(room.ledger, id, by.actor, steerOperations);
  await room.ledger.retry(id, { label: by.actor.label }, (write) => record(room.audit, write, "operations.retry", operation, by));
}

function record(audit: Audit, write: Write, action: string, { id, workspace, subject, name, state }: Operation, by: By): void {
  audit.record(write, {
    workspace,
    actor: by.actor,
    action,
    subject,
    before: { name, state },
    after: action === "operations.cancel" ? { name, cancelRequested: true } : { name, state: "queued" },
    operation: id,
    requestId: by.requestId,
  });
}
