/** Rows of the database ↔ what the contract shows. */
import type { NodeId, OperationId, WorkspaceId } from "../ids/index.ts";
import type { Subject } from "../events/index.ts";
import type { Json, Operation, OperationError, OperationStep } from "./contract.ts";
import { hasEnded } from "./rules.ts";
import type { OperationStepsTable, OperationsTable } from "./tables.ts";

/** Every column, by name: `returning *` would hand back what a later migration adds. */
export const operationColumns = [
  "id", "seq", "name", "queue", "category", "workspace", "subject", "lock", "state", "steps", "step", "input", "actor", "attempt", "epoch",
  "owner", "holder", "revision", "losses", "node", "due_at", "wake_at", "error", "undoing_for", "cancel_requested_at", "created_at",
  "started_at", "updated_at", "finished_at",
] as const satisfies readonly (keyof OperationsTable)[]; // prettier-ignore

const orUndefined = <T>(value: T | null): T | undefined => value ?? undefined;
// Rows are written by this folder alone, from values of the very types they are read back as.
const fromJson = <T>(text: string): T => JSON.parse(text) as T;

export function toOperation(row: OperationsTable): Operation {
  const waits = row.holder === null && !hasEnded(row.state);
  return {
    id: row.id as OperationId,
    seq: row.seq,
    name: row.name,
    queue: row.queue,
    category: row.category,
    workspace: row.workspace as WorkspaceId,
    subject: row.subject as Subject,
    lock: orUndefined(row.lock),
    state: row.state,
    input: fromJson<Json>(row.input),
    actor: row.actor,
    attempt: row.attempt,
    epoch: row.epoch,
    node: orUndefined(row.node) as NodeId | undefined,
    error: row.error === null ? undefined : fromJson<OperationError>(row.error),
    cancelRequestedAt: orUndefined(row.cancel_requested_at),
    runAfter: waits && row.due_at !== null && row.due_at > row.updated_at ? row.due_at : undefined,
    createdAt: row.created_at,
    startedAt: orUndefined(row.started_at),
    updatedAt: row.updated_at,
    finishedAt: orUndefined(row.finished_at),
  };
}

export function toStep(row: OperationStepsTable): OperationStep {
  return {
    name: row.name,
    position: row.position,
    state: row.state,
    attempt: row.attempt,
    startedAt: orUndefined(row.started_at),
    finishedAt: orUndefined(row.finished_at),
    output: row.output === null ? undefined : fromJson<Json>(row.output),
    error: row.error === null ? undefined : fromJson<OperationError>(row.error),
    skipReason: orUndefined(row.skip_reason),
  };
}

/** All steps in order: those with a record as recorded, the one in hand as running, the rest as pending. */
export function toSteps(operation: OperationsTable, rows: readonly OperationStepsTable[]): OperationStep[] {
  const names = fromJson<string[]>(operation.steps);
  const recorded = new Map(rows.map((row) => [row.name, toStep(row)]));
  for (const name of recorded.keys()) if (!names.includes(name)) names.push(name);
  return names.map((name, position) => {
    const record = recorded.get(name);
    if (operation.state === "running" && operation.holder !== null && operation.step === name)
      return { ...(record ?? blank(name, position)), position, state: "running", attempt: operation.attempt };
    return record ? { ...record, position } : blank(name, position);
  });
}

const blank = (name: string, position: number): OperationStep => ({
  name,
  position,
  state: "pending",
  attempt: 0,
  startedAt: undefined,
  finishedAt: undefined,
  output: undefined,
  error: undefined,
  skipReason: undefined,
});
