import type { Clock } from "../clock/index.ts";
import type { Store } from "../database/index.ts";
import type { OperationId } from "../ids/index.ts";
import type { Operation } from "./contract.ts";
import { operationNotFound } from "./errors.ts";
import { operationColumns, toOperation } from "./rows.ts";
import { hasEnded } from "./rules.ts";
import { statement } from "./statements.ts";
import type { OperationsTable } from "./tables.ts";

/**
 * Looks often at first and then twice a second: one indexed read each, the same on every store and with no listener to
 * lose. Rejects with the signal's reason when aborted.
 */
export function createWait(store: Store, clock: Clock) {
  const one = statement<OperationsTable>(store.dialect, `select ${operationColumns.join(", ")} from {operations} where id = ?1`);

  return async (id: OperationId, signal: AbortSignal): Promise<Operation> => {
    for (let waitMs = 10; ; waitMs = Math.min(waitMs * 1.5, 500)) {
      signal.throwIfAborted();
      const [result] = await store.batch([one([id])]);
      const row = result!.rows[0] as OperationsTable | undefined;
      if (!row) throw operationNotFound(id);
      if (hasEnded(row.state)) return toOperation(row);
      await clock.sleep(Math.round(waitMs), signal);
    }
  };
}
