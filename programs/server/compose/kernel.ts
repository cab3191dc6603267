/** What every room stands on: events, the transport's wake-ups, the ledger, revocations, rate limits. */
import { createRevocations, type Revocations } from "@norns/kernel/actor";
import { createGraphileTransport, type GraphileTransport } from "@norns/adapters/transports/postgres";
import { systemClock } from "@norns/kernel/clock";
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
  readonly revocations: Revocations;
  readonly limiter: RateLimiter;
}

export async function composeKernel({ state, log, own }: { state: State; log: Log; own: AsyncDisposableStack }): Promise<Kernel> {
  const { store, notifier } = state;
  const clock = systemClock;
  const events = createEvents({ store, clock, notifier, log });
  const transport = createGraphileTransport({ pool: store.pool, url: state.url, log });
  await transport.install();
  const ledger = createLedger({ store, events, transport, clock, ids: systemIdSource, log });
  const revocations = createRevocations({ store, clock, log });
  own.defer(() => revocations.close());
  return { events, transport, ledger, revocations, limiter: createRateLimiter({ store, clock }) };
}
