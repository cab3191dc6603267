/**
 * The safety net under the transport. Every unfinished operation has a `wake_at`, when the sweeper looks at it: at first
 * a while after it could have been claimed. If a worker holds it then, the next look is at its lease's end; if it is
 * due, it is woken: a wake-up that was lost, a worker that was lost, an heir of a lock that was never told. A re-send
 * puts the next one off; for one that has never begun by as long as it has been waiting (at most five minutes), so that
 * a deep queue is not woken over and over. Idle, this is one indexed query a round, and another every fifth, which looks
 * for times that cannot be right (wrong-times.ts).
 */
import type { Clock } from "../clock/index.ts";
import type { Store } from "../database/index.ts";
import { toNornsError } from "../errors/index.ts";
import type { OperationId } from "../ids/index.ts";
import type { Log } from "../log/index.ts";
import { defaultLeaseMs, resendAfterMsOf, roundMsOf } from "./lease-times.ts";
import { skippingLockedRows, statement } from "./statements.ts";
import type { Wakes } from "./wakes.ts";
import { createStraightener, longestPutOffMs } from "./wrong-times.ts";

export interface SweeperOptions {
  readonly store: Store;
  readonly transport: Wakes;
  readonly clock: Clock;
  readonly log: Log;
  /** The same as the workers': a round takes a tenth of it, so that a lost worker is noticed within one lease. */
  readonly leaseMs?: number;
}

export interface Sweeper {
  /** One round; returns how many wake-ups were sent. */
  sweep(): Promise<number>;
  /** Rounds until the signal; then resolves. */
  run(signal: AbortSignal): Promise<void>;
}

interface Overdue {
  readonly id: string;
  readonly queue: string;
  readonly due_at: number;
}

const atOnce = 500;

export function createSweeper(options: SweeperOptions): Sweeper {
  const { store, transport, clock, log } = options;
  const leaseMs = options.leaseMs ?? defaultLeaseMs;
  const roundMs = roundMsOf(leaseMs);
  const resendAfterMs = resendAfterMsOf(leaseMs);
  const lookAtOverdue = statement<Overdue>(
    store.dialect,
    `update {operations} set wake_at = case
       when due_at > ?1 then due_at
       when state <> 'queued' or ?1 - created_at < ?2 then ?1 + ?2
       when ?1 - created_at > ${longestPutOffMs} then ?1 + ${longestPutOffMs}
       else ?1 + (?1 - created_at)
     end
     where id in (
       select o.id from {operations} as o where o.wake_at <= ?1 order by o.wake_at limit ${atOnce} ${skippingLockedRows(store.dialect, "o")}
     )
     returning id, queue, due_at`,
  );

  const straighten = createStraightener(store, leaseMs);

  async function sweep(): Promise<number> {
    await straighten(clock.now());
    let sent = 0;
    for (;;) {
      const now = clock.now();
      const [result] = await store.batch([lookAtOverdue([now, resendAfterMs])]);
      const rows = result!.rows as Overdue[];
      const due = rows.filter((row) => row.due_at <= now);
      if (due.length > 0) await transport.send(due.map((row) => ({ queue: row.queue, operation: row.id as OperationId })));
      sent += due.length;
      if (rows.length < atOnce) return sent;
    }
  }

  return {
    sweep,
    async run(signal) {
      while (!signal.aborted) {
        try {
          const sent = await sweep();
          if (sent > 0) log.debug({ sent }, "wake-ups sent again");
        } catch (error) {
          log.warn({ code: toNornsError(error).code }, "the sweeper could not look; it looks again in the next round");
        }
        await clock.sleep(roundMs, signal).catch(() => undefined); // aborted: the loop ends
      }
    },
  };
}
