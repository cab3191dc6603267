/** What every room stands on: events, the transport's wake-ups, the ledger, revocations, rate limits. */
import { createRevocations, type Revocations } from "@norns/kernel/actor";
import { systemClock } from "@norns/kernel/clock";
import { createEvents, type EventLog } from "@norns/kernel/events";
import { createRateLimiter, type RateLimiter } from "@norns/kernel/http";
import type { Log } from "@norns/kernel/log";
import type { State } from "./state.ts";

export interface Kernel {
  readonly events: EventLog;
  readonly revocations: Revocations;
  readonly limiter: RateLimiter;
}

export function composeKernel({ state, log, own }: { state: State; log: Log; own: AsyncDisposableStack }): Kernel {
  const { store, notifier } = state;
  const clock = systemClock;
  const events = createEvents({ store, clock, notifier, log });
  const revocations = createRevocations({ store, clock, log });
  own.defer(() => revocations.close());
  return { events, revocations, limiter: createRateLimiter({ store, clock }) };
}
