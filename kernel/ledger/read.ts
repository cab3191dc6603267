/** Reading operations: one with its steps, lists by `seq` newest first, dead letters, and how full the queues are. */
import type { Store } from "../database/index.ts";
import type { OperationId } from "../ids/index.ts";
import type { Ledger, OperationStep } from "./contract.ts";
import { operationNotFound } from "./errors.ts";
import { createPages } from "./pages.ts";
import { operationColumns, toOperation, toSteps } from "./rows.ts";
import { deadStates } from "./rules.ts";
import { statement } from "./statements.ts";
import type { OperationsTable, OperationStepsTable } from "./tables.ts";

export type ReadOperation = (id: OperationId) => Promise<{ row: OperationsTable; steps: OperationStep[] }>;

export function createReads(store: Store) {
  const one = statement<OperationsTable>(store.dialect, `select ${operationColumns.join(", ")} from {operations} where id = ?1`);
  const stepsOf = statement<OperationStepsTable>(store.dialect, "select * from {operation_steps} where operation = ?1");
  const depths = statement<{ queue: string; queued: number; running: number; oldest: number | null }>(
    store.dialect,
    `select queue,
       sum(case when holder is null then 1 else 0 end) as queued,
       sum(case when holder is null then 0 else 1 end) as running,
       min(case when holder is null then created_at else null end) as oldest
     from {operations} where finished_at is null group by queue`,
  );
  const deaths = statement<{ queue: string; dead: number }>(
    store.dialect,
    "select queue, count(*) as dead from {operations} where finished_at is not null and error is not null and state in ('failed', 'undone', 'undo_failed') group by queue",
  );

  async function find(id: OperationId) {
    const [operations, steps] = await store.batch([one([id]), stepsOf([id])]);
    const row = operations!.rows[0] as OperationsTable | undefined;
    return row ? { row, steps: toSteps(row, steps!.rows as OperationStepsTable[]) } : undefined;
  }

  const read: ReadOperation = async (id) => {
    const found = await find(id);
    if (!found) throw operationNotFound(id);
    return found;
  };

  const list = createPages(store);

  const reads: Pick<Ledger, "find" | "list" | "deadLetters" | "queues"> = {
    async find(id) {
      const found = await find(id);
      return found ? { ...toOperation(found.row), steps: found.steps } : null;
    },
    list,
    deadLetters: (query) => list({ ...query, states: deadStates }),
    async queues() {
      const [depth, dead] = await store.batch([depths([]), deaths([])]);
      const queues = new Map<
        string,
        { queue: string; queued: number; running: number; dead: number; oldestQueuedAt: number | undefined }
      >();
      const of = (queue: string) => {
        const found = queues.get(queue) ?? { queue, queued: 0, running: 0, dead: 0, oldestQueuedAt: undefined };
        queues.set(queue, found);
        return found;
      };
      for (const row of depth!.rows as { queue: string; queued: number; running: number; oldest: number | null }[])
        Object.assign(of(row.queue), { queued: Number(row.queued), running: Number(row.running), oldestQueuedAt: row.oldest ?? undefined });
      for (const row of dead!.rows as { queue: string; dead: number }[]) of(row.queue).dead = Number(row.dead);
      return [...queues.values()].toSorted((a, b) => (a.queue < b.queue ? -1 : 1));
    },
  };
  return { ...reads, read };
}
