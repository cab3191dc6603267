import type { Clock } from "@norns/kernel/clock";
import type { Store } from "@norns/kernel/database";
import type { Log } from "@norns/kernel/log";
import { hashOf, toChainKey } from "./chain.ts";
import type { Sealer } from "./contract.ts";
import { createAuditStore } from "./store.ts";

export interface SealerDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  /** Derived from the installation's secret. Rows sealed under an older one stay verifiable while it is known. */
  readonly chainKey: string;
  /** How often it looks for rows that nobody told it of: those of a server that died before it sealed its own. */
  readonly everyMs?: number;
}

const atOnce = 500;
/** Rows that are written together are sealed together: what a wait costs a busy server is one sealing in this time. */
const gatherMs = 300;
const retryMs = 700;

/**
 * Gives committed rows their place in the chain. Runs in every server: each seals its own within a second (`lookSoon`),
 * and whoever comes first those of all. Idle, it asks the database every `everyMs` and costs nothing in between.
 */
export function createSealer({ store, clock, log, chainKey, everyMs = 5_000 }: SealerDeps): Sealer {
  const rowsOf = createAuditStore(store);
  const key = toChainKey(chainKey);

  const sealBatch = async (): Promise<number> => {
    // The head first: every sealing moves it, so if it is still there at the commit, the rows read after it are unsealed.
    const head = await rowsOf.head();
    const rows = await rowsOf.unsealed(atOnce);
    if (rows.length === 0) return 0;
    let { seq, hash } = head;
    const sealed = rows.map((row) => {
      seq += 1;
      hash = hashOf(row, seq, hash, key);
      return { id: row.id, seq, hash };
    });
    const [moved] = await store.batch(rowsOf.seal(head, { seq, hash }, sealed, key.id));
    // Another sealer was faster; what it left is looked at again.
    return moved!.rows.length === 0 ? -1 : rows.length;
  };

  const sealNow = async (): Promise<number> => {
    let total = 0;
    for (;;) {
      const count = await sealBatch();
      if (count > 0) total += count;
      if (count >= 0 && count < atOnce) return total;
    }
  };

  let isWoken = false;
  let wake = () => {};

  /** Until there may be work: called, or the time is up. Ends early, and quietly, with the signal. */
  const rest = async (signal: AbortSignal, isAway: boolean): Promise<void> => {
    if (isAway) return await clock.sleep(retryMs, signal);
    if (!isWoken) {
      const woken = new AbortController();
      wake = () => woken.abort();
      await clock.sleep(everyMs, AbortSignal.any([signal, woken.signal])).catch(() => {});
      wake = () => {};
    }
    if (isWoken) await clock.sleep(gatherMs, signal);
  };

  return {
    sealNow,
    lookSoon() {
      isWoken = true;
      wake();
    },
    async run(signal) {
      let isAway = false;
      while (!signal.aborted) {
        // Before the rows are read: a call that comes meanwhile is for the next look.
        isWoken = false;
        try {
          await sealNow();
          if (isAway) log.info({}, "The audit trail is being chained again.");
          isAway = false;
        } catch (error) {
          // Rows wait unsealed and `verify` says so; the next look tries again.
          if (!isAway) log.warn({ error }, "The audit trail cannot be chained now; trying again.");
          isAway = true;
        }
        try {
          await rest(signal, isAway);
        } catch {
          return;
        }
      }
    },
  };
}
