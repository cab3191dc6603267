/**
 * What a worker holds, kept alive. While it holds anything, it looks every half second whether one of its operations
 * is to be cancelled, and renews the leases of all in one statement well before they end. An operation whose lease is
 * gone (another epoch in the row, or no answer until its time was over) is given up: its step is told to stop, and
 * whatever it still writes changes nothing. With nothing in hand there is no timer and no query.
 */
import type { Clock } from "../clock/index.ts";
import type { Store } from "../database/index.ts";
import { toNornsError } from "../errors/index.ts";
import type { Log } from "../log/index.ts";
import { amongIds, idList, rowsFrom, skippingLockedRows, statement } from "./statements.ts";

export type Interruption = "lost" | "cancelled" | "stopping";

export interface Lease {
  readonly id: string;
  readonly epoch: number;
  readonly owner: string;
  /** The worker's own idea of when the lease ends; never later than what the row says. */
  until: number;
  interrupt(why: Interruption): void;
}

export interface Leases {
  hold(lease: Lease): void;
  drop(lease: Lease): void;
  stopAll(): void;
}

export interface LeaseOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly holder: string;
  readonly leaseMs: number;
  readonly lookMs: number;
}

export function createLeases(options: LeaseOptions): Leases {
  const { store, clock, log, leaseMs } = options;
  const renewMs = leaseMs / 4;
  const lookMs = Math.min(options.lookMs, renewMs);
  const held = new Set<Lease>();
  let isWatching = false;

  const renew = statement<{ id: string }>(store.dialect, renewText(store));
  const look = statement<FenceRow>(
    store.dialect,
    `select o.id, o.epoch, o.owner, o.finished_at, o.cancel_requested_at from {operations} as o
     join ${rowsFrom(store.dialect, "?1", "h", { held: "text" })} on o.id = h.held`,
  );
  const findCancelled = statement<{ id: string }>(
    store.dialect,
    "select id from {operations} where cancel_requested_at is not null and finished_at is null and holder = ?1",
  );

  async function renewAll(): Promise<void> {
    const now = clock.now();
    const leases = [...held].toSorted((a, b) => (a.id < b.id ? -1 : 1));
    const rows = leases.map(({ id, epoch, owner }) => ({ held: id, in_epoch: epoch, by_owner: owner }));
    const [result] = await store.batch([renew([JSON.stringify(rows), now + leaseMs, idList(leases.map((lease) => lease.id))])]);
    const renewed = new Set((result!.rows as { id: string }[]).map((row) => row.id));
    for (const lease of leases) if (renewed.has(lease.id)) lease.until = Math.max(lease.until, now + leaseMs);
    const missing = leases.filter((lease) => !renewed.has(lease.id));
    if (missing.length > 0) await giveUpLost(missing);
  }

  /** Not renewed is either lost, or locked by a save under way, which renews it as well. */
  async function giveUpLost(missing: readonly Lease[]): Promise<void> {
    const [result] = await store.batch([look([JSON.stringify(missing.map((lease) => ({ held: lease.id })))])]);
    const rows = new Map((result!.rows as FenceRow[]).map((row) => [row.id, row]));
    for (const lease of missing) {
      const row = rows.get(lease.id);
      if (!row || row.epoch !== lease.epoch || row.owner !== lease.owner) lease.interrupt("lost");
    }
  }

  async function passOnCancels(): Promise<void> {
    const [result] = await store.batch([findCancelled([options.holder])]);
    const cancelled = new Set((result!.rows as { id: string }[]).map((row) => row.id));
    if (cancelled.size > 0) for (const lease of held) if (cancelled.has(lease.id)) lease.interrupt("cancelled");
  }

  async function watch(): Promise<void> {
    let renewAt = clock.now() + renewMs;
    for (;;) {
      await clock.sleep(lookMs);
      if (held.size === 0) break;
      const now = clock.now();
      for (const lease of held) if (now >= lease.until) lease.interrupt("lost");
      try {
        if (now >= renewAt || now < renewAt - renewMs) {
          renewAt = now + renewMs;
          await renewAll();
        }
        await passOnCancels();
      } catch (error) {
        const trouble = toNornsError(error);
        log.warn({ code: trouble.code, held: held.size }, "leases could not be renewed; they are tried again until they end");
      }
    }
    isWatching = false;
  }

  return {
    hold(lease) {
      held.add(lease);
      if (isWatching) return;
      isWatching = true;
      void watch();
    },
    drop: (lease) => void held.delete(lease),
    stopAll() {
      for (const lease of held) lease.interrupt("stopping");
    },
  };
}

interface FenceRow {
  readonly id: string;
  readonly epoch: number;
  readonly owner: string | null;
}

const renewText = (store: Store) => {
  const rows = rowsFrom(store.dialect, "?1", "h", { held: "text", in_epoch: "bigint", by_owner: "text" });
  return `
    update {operations} set due_at = ?2
    where id in (
      select o.id from {operations} as o join ${rows} on o.id = h.held and o.epoch = h.in_epoch and o.owner = h.by_owner
      where ${amongIds(store.dialect, "o.id", "?3")} and o.holder is not null and o.finished_at is null
      ${skippingLockedRows(store.dialect, "o")}
    )
    returning id`;
};
