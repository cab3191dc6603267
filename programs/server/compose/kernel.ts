/** What every room stands on: events, the transport's wake-ups, the ledger, rate limits. */
import { createGraphileTransport, type GraphileTransport } from "@norns/adapters/transports/postgres";
import { systemClock } from "@norns/kernel/clock";
import type { Config } from "@norns/kernel/config";
import { createEvents, type EventLog } from "@norns/kernel/events";
import { createRateLimiter, type RateLimiter } from "@norns/kernel/http";
import { systemIdSource } from "@norns/kernel/ids";
import { createLedger, type Ledger } from "@norns/kernel/ledger";
import type { Log } from "@norns/kernel/log";
import type { State } from "./state.ts";

export interface Kernel {
  readonly events: EventLog;
  readonly transport: GraphileTransport;
  readonly ledger: Ledger;
  readonly limiter: RateLimiter;
}

export async function composeKernel({ config, state, log }: { config: Config; state: State; log: Log }): Promise<Kernel> {
  const { store, notifier } = state;
  const clock = systemClock;
  const events = createEvents({ store, clock, notifier, log });
  const transport = createGraphileTransport({ pool: store.pool, url: state.url, log });
  await transport.install();
  const ledger = createLedger({ store, events, transport, clock, ids: systemIdSource, log, leaseMs: config.leaseMs });
  return { events, transport, ledger, limiter: createRateLimiter({ store, clock }) };
}
