/**
 * Operations with the same lock run one after another, in the order of their `seq`. The lock's row is taken with the
 * first claim and stays, through retrying and undoing and the loss of workers, until the operation's end takes it away
 * in the same commit. Who comes while it is held is simply not claimed; the end wakes the next in line.
 */
import type { Dialect, Store } from "../database/index.ts";
import { lockingRows, statement } from "./statements.ts";

/**
 * Takes the lock for the operation ?1 if that may be claimed now and nobody with an older `seq` waits for the same
 * lock (one whose start time lies ahead does not wait yet). The operation's own row is locked meanwhile, so that its
 * end cannot slip in between this and the claim behind it and leave a lock that nobody will release.
 */
export function takeLock(dialect: Dialect) {
  return statement(
    dialect,
    `insert into {operation_locks} as held (lock, operation, epoch)
     select x.lock, x.id, x.epoch + 1 from (
       select o.lock, o.id, o.epoch from {operations} as o
       where o.id = ?1
         and o.lock is not null
         and (o.due_at <= ?2 or (o.owner = ?4 and o.due_at is not null))
         and (o.node is null or o.node = ?3)
         and (
           exists (select 1 from {operation_locks} as own where own.lock = o.lock and own.operation = o.id)
           or not exists (
             select 1 from {operations} as earlier
             where earlier.lock = o.lock and earlier.seq < o.seq and earlier.finished_at is null
               and (earlier.due_at <= ?2 or earlier.started_at is not null)
           )
         )
       ${lockingRows(dialect, "o")}
     ) as x
     where true
     on conflict (lock) do update set epoch = excluded.epoch where held.operation = excluded.operation`,
  );
}

export interface Heir {
  readonly id: string;
  readonly queue: string;
}

/** Who is next in line for a lock when `leaving` lets go of it. */
export function createHeirs(store: Store) {
  const find = statement<Heir>(
    store.dialect,
    `select id, queue from {operations}
     where lock = ?1 and finished_at is null and id <> ?2 and due_at <= ?3
     order by seq limit 1`,
  );
  return async (lock: string, leaving: string, now: number): Promise<Heir | undefined> => {
    const [result] = await store.batch([find([lock, leaving, now])]);
    return result!.rows[0] as Heir | undefined;
  };
}
