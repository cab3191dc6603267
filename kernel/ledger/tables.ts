/**
 * The two tables that are the truth, and the one that serialises.
 *
 * `operations`: one row an operation. `due_at` is from when a worker may claim it: the start time while it waits, the
 * lease's end while a worker holds it, null once it has ended. `holder` names that worker (null: nobody holds it).
 * A claim raises `epoch` and sets a fresh random `owner`; every later write of that worker must match both, and the
 * `revision` that its last write left: a late or repeated write finds nothing to change. `wake_at` is when the
 * sweeper looks at it next, and wakes it if it is due. `losses` counts workers lost since the last progress.
 *
 * `operation_steps`: one row a step that has come to some end (done, skipped, failed, undone). Pending and running are
 * not written: the step in hand is `operations.step`, committed together with the end of the one before.
 *
 * `operation_locks`: who holds a lock, from its first claim to its end.
 */
import type { OperationState, StepState } from "./contract.ts";

export interface LedgerTables {
  operations: OperationsTable;
  operation_steps: OperationStepsTable;
  operation_locks: OperationLocksTable;
}

export interface OperationsTable {
  id: string;
  seq: number;
  name: string;
  queue: string;
  category: string;
  workspace: string;
  subject: string;
  lock: string | null;
  state: OperationState;
  /** JSON: the names of the steps, in order, as they were when it was made. */
  steps: string;
  /** The step in hand, to be run or taken back. */
  step: string | null;
  input: string;
  actor: string;
  attempt: number;
  epoch: number;
  owner: string | null;
  holder: string | null;
  revision: number;
  losses: number;
  node: string | null;
  due_at: number | null;
  wake_at: number | null;
  error: string | null;
  undoing_for: "failure" | "cancel" | null;
  cancel_requested_at: number | null;
  created_at: number;
  started_at: number | null;
  updated_at: number;
  finished_at: number | null;
}

export interface OperationStepsTable {
  operation: string;
  name: string;
  position: number;
  state: StepState;
  attempt: number;
  epoch: number;
  started_at: number | null;
  finished_at: number | null;
  output: string | null;
  error: string | null;
  skip_reason: string | null;
}

export interface OperationLocksTable {
  lock: string;
  operation: string;
  epoch: number;
}
