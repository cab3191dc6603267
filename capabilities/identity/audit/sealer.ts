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
  /** How often it looks. Rows are chained within this time and a little. */
  readonly everyMs?: number;
}

const atOnce = 500;

/** Gives committed rows their place in the chain. Runs in every server: whoever comes first seals. */
export function createSealer({ store, clock, log, chainKey, everyMs = 700 }: SealerDeps): Sealer {
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

  return {
    sealNow,
    async run(signal) {
      let isAway = false;
      while (!signal.aborted) {
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
          await clock.sleep(everyMs, signal);
        } catch {
          return;
        }
      }
    },
  };
}
