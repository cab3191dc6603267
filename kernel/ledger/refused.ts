/**
 * Why an operation was not to be had, and what that asks for. A wake-up that was answered with a refusal is used up, so
 * one that came too early, or to the wrong node, is sent again.
 */
import type { Clock } from "../clock/index.ts";
import type { Store } from "../database/index.ts";
import type { OperationId } from "../ids/index.ts";
import { statement } from "./statements.ts";
import type { OperationsTable } from "./tables.ts";
import type { Wakes } from "./wakes.ts";

type Refused = Pick<OperationsTable, "queue" | "node" | "due_at" | "holder" | "lock" | "created_at">;

export function createRefusals(deps: { store: Store; transport: Wakes; clock: Clock; node: string }) {
  const { store, transport, clock } = deps;
  const look = statement<Refused>(store.dialect, "select queue, node, due_at, holder, lock, created_at from {operations} where id = ?1");

  return {
    /** `locked`: it can be had by whoever gets its lock. `due`: its time has come since. */
    async explain(id: OperationId): Promise<"locked" | "due" | "not now"> {
      const [result] = await store.batch([look([id])]);
      const row = result!.rows[0] as Refused | undefined;
      if (!row || row.due_at === null) return "not now"; // ended, or never committed
      const now = clock.now();
      if (row.node !== null && row.node !== deps.node) {
        // The longer nobody of that node takes it, the less often it is passed on.
        const waitMs = Math.min(60_000, Math.max(250, (now - row.created_at) / 10));
        await transport.send([{ queue: row.queue, operation: id, at: Math.round(now + waitMs) }]);
        return "not now";
      }
      if (row.due_at > now) {
        if (row.holder === null) await transport.send([{ queue: row.queue, operation: id, at: row.due_at }]);
        return "not now";
      }
      return row.lock === null ? "due" : "locked";
    },
  };
}
