/**
 * What a person may do to an operation from outside: ask for its end, or run a dead letter again. Neither needs the
 * lease: a cancel is a mark that the worker finds, a retry concerns what nobody holds. Both check, inside their own
 * batch, that the operation was still what they took it for.
 */
import type { Clock } from "../clock/index.ts";
import { Write, type Store } from "../database/index.ts";
import { NornsError } from "../errors/index.ts";
import type { Events } from "../events/index.ts";
import type { IdSource, OperationId } from "../ids/index.ts";
import { cancelRequested, operationRetried } from "./announce.ts";
import { operationEnded, operationNotDead } from "./errors.ts";
import type { ReadOperation } from "./read.ts";
import { hasEnded, isDead, stepsToRepeat } from "./rules.ts";
import { randomToken } from "./random-token.ts";
import { statement } from "./statements.ts";
import type { Wakes } from "./wakes.ts";

interface Deps {
  readonly store: Store;
  readonly events: Events;
  readonly transport: Wakes;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly read: ReadOperation;
  readonly resendAfterMs: number;
}

export function createCancel({ store, events, transport, clock, read, resendAfterMs }: Deps) {
  const mark = statement(
    store.dialect,
    `update {operations} set
       cancel_requested_at = ?2,
       updated_at = ?2,
       due_at = case when holder is null and state <> 'undoing' then ?2 else due_at end,
       wake_at = case when holder is null then ?3 else wake_at end
     where id = ?1 and finished_at is null and cancel_requested_at is null`,
  );
  const guard = statement(
    store.dialect,
    "insert into {assert_one} (n) select 0 where not exists (select 1 from {operations} where id = ?1 and finished_at is null)",
  );

  return async (id: OperationId, actor: { label: string }, also?: (write: Write) => void): Promise<void> => {
    const { row } = await read(id);
    if (hasEnded(row.state)) throw operationEnded(id, row.state);
    if (row.cancel_requested_at !== null) return;
    const now = clock.now();
    const write = new Write();
    write.add(mark([id, now, now + resendAfterMs]));
    write.add(guard([id]));
    events.append(write, cancelRequested(row, actor.label));
    also?.(write);
    transport.enlist(write, { queue: row.queue, operation: id });
    try {
      await write.commit(store);
    } catch (error) {
      if (!isGuard(error)) throw error;
      const { row: late } = await read(id);
      throw operationEnded(id, late.state);
    }
  };
}

export function createRetry({ store, events, transport, clock, ids, read, resendAfterMs }: Deps) {
  const requeue = statement(
    store.dialect,
    `update {operations} set
       state = 'queued', step = ?3, attempt = 1, losses = 0, revision = revision + 1, owner = ?6, holder = null, due_at = ?4, wake_at = ?5, updated_at = ?4,
       finished_at = null, error = null, undoing_for = null, cancel_requested_at = null
     where id = ?1 and epoch = ?2 and state in ('failed', 'undone', 'undo_failed')`,
  );
  const guard = statement(
    store.dialect,
    "insert into {assert_one} (n) select 0 where not exists (select 1 from {operations} where id = ?1 and owner = ?2)",
  );
  const reset = statement(
    store.dialect,
    `update {operation_steps} set state = 'pending', attempt = 0, output = null, error = null, skip_reason = null, started_at = null, finished_at = null
     where operation = ?1 and name = ?2`,
  );

  return async (id: OperationId, actor: { label: string }, also?: (write: Write) => void): Promise<void> => {
    const { row, steps } = await read(id);
    if (!isDead(row.state)) throw operationNotDead(id, row.state);
    const again = stepsToRepeat(steps);
    const first = steps.find((step) => again.includes(step.name) || step.state === "pending");
    const now = clock.now();
    const write = new Write();
    const token = randomToken(ids); // tells this retry from another that came at the same time
    write.add(requeue([id, row.epoch, first?.name ?? row.step, now, now + resendAfterMs, token]));
    write.add(guard([id, token]));
    for (const name of again) write.add(reset([id, name]));
    events.append(write, operationRetried(row, actor.label));
    also?.(write);
    transport.enlist(write, { queue: row.queue, operation: id });
    try {
      await write.commit(store);
    } catch (error) {
      if (!isGuard(error)) throw error;
      const { row: late } = await read(id);
      throw operationNotDead(id, late.state);
    }
  };
}

const isGuard = (error: unknown): boolean => error instanceof NornsError && error.code === "guard_failed";
