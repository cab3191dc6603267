import type { Clock } from "../clock/index.ts";
import type { Store } from "../database/index.ts";
import type { Events } from "../events/index.ts";
import type { IdSource } from "../ids/index.ts";
import type { Log } from "../log/index.ts";
import type { Ledger } from "./contract.ts";
import { createCancel, createRetry } from "./interfere.ts";
import { defaultLeaseMs, resendAfterMsOf } from "./lease-times.ts";
import { createReads } from "./read.ts";
import { createStart } from "./start.ts";
import type { Wakes } from "./wakes.ts";
import { createWait } from "./wait.ts";

export interface LedgerOptions {
  readonly store: Store;
  readonly events: Events;
  /** The transport, as far as the ledger uses it. */
  readonly transport: Wakes;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly log: Log;
  /** The same as the workers' and the sweeper's: a lost wake-up is sent again after half of it. Default 30,000. */
  readonly leaseMs?: number;
}

/**
 * The ledger as rooms and routes use it: they start operations inside their own writes, look at them, cancel and retry
 * them. Running them is a worker's (`createWorker`), finding lost ones the sweeper's (`createSweeper`).
 *
 * @example
 * const write = new Write();
 * const id = ledger.start(write, { definition: deploy, input: { app: "hello" }, workspace, subject: subject("app", "hello"), actor });
 * await write.commit(store); // from here on it will run
 * const ended = await ledger.waitForEnd(id, signal);
 */
export function createLedger(options: LedgerOptions): Ledger {
  const { store, events, transport, clock, ids } = options;
  const { read, ...reads } = createReads(store);
  const resendAfterMs = resendAfterMsOf(options.leaseMs ?? defaultLeaseMs);
  const outside = { store, events, transport, clock, ids, read, resendAfterMs };
  return {
    start: createStart({ store, events, transport, clock, ids, resendAfterMs }),
    ...reads,
    cancel: createCancel(outside),
    retry: createRetry(outside),
    waitForEnd: createWait(store, clock),
  };
}
