/**
 * The one place that writes what became of an operation in hand. A save is a compare-and-swap: it changes the row only
 * if epoch, owner and revision are still those of the worker that saves, and everything else of it (step records,
 * events, wake-ups, the room's own rows) commits in the same batch or not at all.
 *
 * Saves of operations without rows of their own share commits; the guard counts that every row of the batch was
 * changed, and aborts the whole batch when one was not, whereupon the group commit tries them one by one.
 *
 * A commit whose outcome is unknown (the connection broke) is settled by reading: each sending leaves a revision of its
 * own, so what is in the row says whether it was written. Until that is known nobody is told anything.
 */
import type { Clock } from "../clock/index.ts";
import { Write, type Store } from "../database/index.ts";
import { toNornsError } from "../errors/index.ts";
import type { Events, NewEvent } from "../events/index.ts";
import type { OperationId } from "../ids/index.ts";
import type { OperationError, OperationState, StepState } from "./contract.ts";
import { LeaseLost } from "./errors.ts";
import { createGroupCommit } from "./group-commit.ts";
import { createHeirs, type Heir } from "./locks.ts";
import { amongIds, idList, rowsFrom, statement } from "./statements.ts";
import type { Wake, Wakes } from "./wakes.ts";

export interface StepRecord {
  readonly name: string;
  readonly position: number;
  readonly state: StepState;
  readonly attempt: number;
  readonly startedAt: number | undefined;
  readonly finishedAt: number;
  readonly output?: string | undefined;
  readonly error?: OperationError | undefined;
  readonly skipReason?: string | undefined;
}

export interface Save {
  readonly id: string;
  readonly epoch: number;
  readonly owner: string;
  /** The revision that the row must have. */
  readonly revision: number;
  /**
   * A revision never used before. Each time this save is sent it leaves another one: a first sending that commits after
   * all, behind a second one, must find that it is late and not write its events once more.
   */
  nextRevision(): number;
  readonly state: OperationState;
  readonly step: string | null;
  readonly attempt: number;
  /** False: nobody holds it any more (it waits, or has ended). */
  readonly holds: boolean;
  /** The lease's end, or when it may be claimed again; null: it has ended. */
  readonly dueAt: number | null;
  readonly error: OperationError | undefined;
  readonly undoingFor: "failure" | "cancel" | undefined;
  readonly now: number;
  readonly steps: readonly StepRecord[];
  readonly events: readonly NewEvent[];
  readonly wakes: readonly Wake[];
  /** The lock to let go of: the operation ends. */
  readonly releases: string | undefined;
  /** Rows of the room that change with it. A Write can be sent once only; what can be made again is given as a function. */
  readonly write: Write | undefined;
  readonly makeWrite: (() => Write) | undefined;
}

export interface Saved {
  /** What the row has now. */
  readonly revision: number;
  readonly cancelRequested: boolean;
}

export interface Saves {
  /** Throws LeaseLost when the operation is no longer this worker's. `until`: when the lease ends, for how long to try. */
  save(save: Save, until: number): Promise<Saved>;
}

export function createSaves(deps: { store: Store; events: Events; wakes: Wakes; clock: Clock; resendAfterMs: number }): Saves {
  const { store, events, wakes, clock, resendAfterMs } = deps;
  const { dialect } = store;
  const update = statement<{ id: string; cancel_requested_at: number | null }>(dialect, updateText(store));
  const guard = statement(dialect, guardText(store));
  const recordSteps = statement(dialect, stepsText(store));
  const releaseLocks = statement(dialect, "delete from {operation_locks} where lock = ?1 and operation = ?2");
  const postpone = statement(dialect, "update {operations} set wake_at = ?2 where id = ?1 and wake_at is not null");
  const look = statement<FenceRow>(dialect, "select epoch, owner, revision, cancel_requested_at from {operations} where id = ?1");
  const findHeir = createHeirs(store);

  /** The revisions under which each save was sent so far. */
  const sent = new WeakMap<Save, number[]>();

  const group = createGroupCommit<Save, Saved>({ idOf: (save) => save.id, flush: (saves) => commit(saves, undefined) });

  async function commit(saves: readonly Save[], heir: Heir | undefined): Promise<Saved[]> {
    const write = new Write();
    const revisions = saves.map((save) => markSent(save));
    const rows = JSON.stringify(saves.map((save, index) => toRow(save, revisions[index]!, resendAfterMs)));
    const ids = idList(saves.map((save) => save.id));
    const updated = write.add(update([rows, ids]));
    write.add(guard([rows, saves.length, ids]));
    const steps = saves.flatMap((save) => save.steps.map((step) => toStepRow(save, step)));
    if (steps.length > 0) write.add(recordSteps([JSON.stringify(steps)]));
    for (const save of saves) {
      if (save.releases !== undefined) write.add(releaseLocks([save.releases, save.id]));
      if (save.write) write.include(save.write);
      if (save.makeWrite) write.include(save.makeWrite());
      for (const event of save.events) events.append(write, event);
      for (const wake of save.wakes) wakes.enlist(write, wake);
      if (heir) {
        write.add(postpone([heir.id, save.now + resendAfterMs]));
        wakes.enlist(write, { queue: heir.queue, operation: heir.id as OperationId });
      }
    }
    await write.commit(store);
    const asked = new Set(updated.rows.filter((row) => row.cancel_requested_at !== null).map((row) => row.id));
    return saves.map((save, index) => ({ revision: revisions[index]!, cancelRequested: asked.has(save.id) }));
  }

  function markSent(save: Save): number {
    const revision = save.nextRevision();
    const before = sent.get(save);
    if (before) before.push(revision);
    else sent.set(save, [revision]);
    return revision;
  }

  async function commitAlone(save: Save): Promise<Saved> {
    const heir = save.releases === undefined ? undefined : await findHeir(save.releases, save.id, save.now);
    const [saved] = await commit([save], heir);
    if (save.releases !== undefined && !heir) await wakeLateHeir(save.releases, save.id);
    return saved!;
  }

  /** Somebody may have come between the look for an heir and the commit. If this fails, the sweeper finds them. */
  async function wakeLateHeir(lock: string, leaving: string): Promise<void> {
    try {
      const late = await findHeir(lock, leaving, clock.now());
      if (late) await wakes.send([{ queue: late.queue, operation: late.id as OperationId }]);
    } catch (error) {
      if (toNornsError(error).kind !== "unavailable") throw error;
    }
  }

  const goesAlone = (save: Save): boolean => save.releases !== undefined || save.write !== undefined || save.makeWrite !== undefined;

  async function readFence(save: Save): Promise<FenceRow | undefined | "unknown"> {
    try {
      const [result] = await store.batch([look([save.id])]);
      return result!.rows[0] as FenceRow | undefined;
    } catch (error) {
      if (toNornsError(error).kind === "unavailable") return "unknown";
      throw error;
    }
  }

  return {
    async save(save, until) {
      let trouble: unknown;
      let maySend = true;
      for (let waitMs = 50; ; waitMs = Math.min(waitMs * 2, 1_000)) {
        try {
          if (maySend) return await (goesAlone(save) ? commitAlone(save) : group.submit(save));
        } catch (thrown) {
          trouble = thrown;
          maySend = save.write === undefined;
        }
        const found = await readFence(save);
        if (found !== "unknown") {
          if (!found || found.epoch !== save.epoch || found.owner !== save.owner) throw new LeaseLost(save.id);
          if (sent.get(save)?.includes(found.revision))
            return { revision: found.revision, cancelRequested: found.cancel_requested_at !== null };
          if (found.revision !== save.revision) throw new LeaseLost(save.id);
          if (toNornsError(trouble).kind !== "unavailable" || !maySend) throw trouble;
        }
        if (clock.now() >= until) throw new LeaseLost(save.id);
        await clock.sleep(waitMs);
      }
    },
  };
}

interface FenceRow {
  readonly epoch: number;
  readonly owner: string | null;
  readonly revision: number;
  readonly cancel_requested_at: number | null;
}

const fenceColumns = { saved: "text", in_epoch: "bigint", by_owner: "text", from_revision: "bigint", to_revision: "bigint" } as const;

const updateText = (store: Store) => `
  update {operations} set
    state = s.to_state,
    step = s.to_step,
    attempt = s.to_attempt,
    revision = s.to_revision,
    losses = 0,
    holder = case when s.holds = 1 then holder else null end,
    due_at = s.due,
    wake_at = case when s.holds = 1 then wake_at else s.wake end,
    error = s.to_error,
    undoing_for = s.why_undoing,
    updated_at = s.saved_at,
    finished_at = s.ended_at
  from ${rowsFrom(store.dialect, "?1", "s", {
    ...fenceColumns,
    to_state: "text",
    to_step: "text",
    to_attempt: "bigint",
    holds: "bigint",
    due: "bigint",
    wake: "bigint",
    to_error: "text",
    why_undoing: "text",
    saved_at: "bigint",
    ended_at: "bigint",
  })}
  where id = s.saved and ${amongIds(store.dialect, "id", "?2")}
    and epoch = s.in_epoch and owner = s.by_owner and revision = s.from_revision
    and state in ('running', 'undoing')
  returning id, cancel_requested_at`;

/** Inserts what the guard's table refuses when fewer than ?2 rows carry the revision that this batch has just left. */
const guardText = (store: Store) => `
  insert into {assert_one} (n)
  select 0 from (
    select count(*) as held
    from ${rowsFrom(store.dialect, "?1", "s", fenceColumns)}
    join {operations} as o on o.id = s.saved
      and o.epoch = s.in_epoch and o.owner = s.by_owner and o.revision = s.to_revision
    where ${amongIds(store.dialect, "o.id", "?3")}
  ) as counted
  where counted.held <> ?2`;

const stepsText = (store: Store) => `
  insert into {operation_steps} (operation, name, position, state, attempt, epoch, started_at, finished_at, output, error, skip_reason)
  select r.operation, r.name, r.position, r.state, r.attempt, r.epoch, r.started_at, r.finished_at, r.output, r.error, r.skip_reason
  from ${rowsFrom(store.dialect, "?1", "r", {
    operation: "text",
    name: "text",
    position: "bigint",
    state: "text",
    attempt: "bigint",
    epoch: "bigint",
    started_at: "bigint",
    finished_at: "bigint",
    output: "text",
    error: "text",
    skip_reason: "text",
  })}
  where true
  on conflict (operation, name) do update set
    position = excluded.position, state = excluded.state, attempt = excluded.attempt, epoch = excluded.epoch, started_at = excluded.started_at,
    finished_at = excluded.finished_at, output = excluded.output, error = excluded.error, skip_reason = excluded.skip_reason`;

const errorText = (error: OperationError | undefined): string | null => (error === undefined ? null : JSON.stringify(error));

const toRow = (save: Save, toRevision: number, resendAfterMs: number) => ({
  saved: save.id,
  in_epoch: save.epoch,
  by_owner: save.owner,
  from_revision: save.revision,
  to_revision: toRevision,
  to_state: save.state,
  to_step: save.step,
  to_attempt: save.attempt,
  holds: save.holds ? 1 : 0,
  due: save.dueAt,
  wake: save.dueAt === null ? null : save.dueAt + resendAfterMs,
  to_error: errorText(save.error),
  why_undoing: save.undoingFor ?? null,
  saved_at: save.now,
  ended_at: save.dueAt === null ? save.now : null,
});

const toStepRow = (save: Save, step: StepRecord) => ({
  operation: save.id,
  name: step.name,
  position: step.position,
  state: step.state,
  attempt: step.attempt,
  epoch: save.epoch,
  started_at: step.startedAt ?? null,
  finished_at: step.finishedAt,
  output: step.output ?? null,
  error: errorText(step.error),
  skip_reason: step.skipReason ?? null,
});
