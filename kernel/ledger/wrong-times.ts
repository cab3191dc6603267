/**
 * Times in rows come from the clocks of many servers, and a clock may be an hour off. Nothing may wait for such a time:
 * every few rounds the sweeper looks for times that cannot be right, and puts them right.
 *
 * A lease far ahead of our clock may be that of a worker that lives with another clock, or of one that is lost. Clocks
 * cannot tell; that the worker renews it can: it is lost when its lease has not moved for a whole lease. That time is
 * counted in rounds, which no clock can make longer or shorter. A time to begin or to try again was made from the very
 * clock that wrote `updated_at`, so the wait that was meant is their difference, and begins again by our clock. Only
 * the start that a caller asked for (`queued`, and due later than written) is a time in its own right, and stays.
 */
import type { Store } from "../database/index.ts";
import { resendAfterMsOf } from "./lease-times.ts";
import { rowsFrom, skippingLockedRows, statement } from "./statements.ts";
import type { OperationsTable } from "./tables.ts";

/** How far clocks may be apart before anything is put right. */
const toleranceMs = 60_000;
/** The longest time for which the sweeper puts a wake-up off. */
export const longestPutOffMs = 300_000;
/** A look every five rounds is one each half lease; ten rounds are a lease. */
const roundsBetweenLooks = 5;
const roundsToBeLost = 10;

const atOnce = 500;

export type Suspect = Pick<OperationsTable, "id" | "state" | "epoch" | "revision" | "holder" | "due_at" | "wake_at" | "updated_at"> & {
  readonly due_at: number;
  readonly wake_at: number;
};

export interface Times {
  readonly due_at: number;
  readonly wake_at: number;
  readonly updated_at: number;
}

/** What a suspect's times should be; undefined when they may stay. `unmovedRounds`: for how long we know its lease. Pure. */
export function rightTimes(row: Suspect, now: number, leaseMs: number, unmovedRounds: number): Times | undefined {
  const { due_at, wake_at, updated_at } = row;
  if (row.holder !== null) {
    if (due_at > now + 2 * leaseMs) return unmovedRounds >= roundsToBeLost ? { due_at: now, wake_at: now, updated_at } : undefined;
    return wake_at > due_at ? { due_at, wake_at: due_at, updated_at } : undefined;
  }
  const isAskedFor = row.state === "queued" && due_at > updated_at;
  if (!isAskedFor && updated_at > now + toleranceMs && due_at > now) {
    const due = now + Math.max(0, due_at - updated_at);
    return { due_at: due, wake_at: due, updated_at: now };
  }
  const wake = Math.max(due_at, now);
  return wake_at > wake + longestPutOffMs + toleranceMs ? { due_at, wake_at: wake, updated_at } : undefined;
}

export function createStraightener(store: Store, leaseMs: number) {
  const resendAfterMs = resendAfterMsOf(leaseMs);
  const findSuspects = statement<Suspect>(
    store.dialect,
    `select id, state, epoch, revision, holder, due_at, wake_at, updated_at from {operations}
     where finished_at is null and (
       (holder is not null and (due_at > ?1 or wake_at > due_at))
       or (holder is null and updated_at > ?2 and (state <> 'queued' or due_at <= updated_at))
       or (holder is null and wake_at > ?3 and wake_at > due_at + ${longestPutOffMs})
     ) limit ${atOnce}`,
  );
  const putRight = statement(store.dialect, putRightText(store));
  let round = 0;
  let known = new Map<string, { readonly epoch: number; readonly dueAt: number; readonly since: number }>();

  /** To be called each round. */
  return async (now: number): Promise<void> => {
    if (round++ % roundsBetweenLooks !== 0) return;
    const parameters = [now + 2 * leaseMs, now + toleranceMs, now + longestPutOffMs + toleranceMs + resendAfterMs];
    const [result] = await store.batch([findSuspects(parameters)]);
    const suspects = result!.rows as Suspect[];
    if (suspects.length === 0 && known.size === 0) return;

    const before = known;
    known = new Map();
    const fixes = [];
    for (const row of suspects) {
      const last = before.get(row.id);
      const since = last?.epoch === row.epoch && last.dueAt === row.due_at ? last.since : round;
      const times = rightTimes(row, now, leaseMs, round - since);
      if (times) fixes.push(toFix(row, times));
      else if (row.holder !== null) known.set(row.id, { epoch: row.epoch, dueAt: row.due_at, since });
    }
    if (fixes.length > 0) await store.batch([putRight([JSON.stringify(fixes)])]);
  };
}

const toFix = (row: Suspect, times: Times) => ({
  fixed: row.id,
  in_epoch: row.epoch,
  at_revision: row.revision,
  was_due: row.due_at,
  to_due: times.due_at,
  to_wake: times.wake_at,
  written: times.updated_at,
});

/** Changes what is still as it was seen; what a worker has moved meanwhile, or is just saving, it leaves alone. */
const putRightText = (store: Store) => {
  const fixes = (alias: string) =>
    rowsFrom(store.dialect, "?1", alias, {
      fixed: "text",
      in_epoch: "bigint",
      at_revision: "bigint",
      was_due: "bigint",
      to_due: "bigint",
      to_wake: "bigint",
      written: "bigint",
    });
  return `
    update {operations} set due_at = f.to_due, wake_at = f.to_wake, updated_at = f.written
    from ${fixes("f")}
    where id = f.fixed and id in (
      select o.id from {operations} as o
      join ${fixes("h")} on o.id = h.fixed and o.epoch = h.in_epoch and o.revision = h.at_revision and o.due_at = h.was_due
      where o.finished_at is null
      ${skippingLockedRows(store.dialect, "o")}
    )`;
};
