/** What would grow for ever is forgotten once a day: old events, and what let people in and has expired. */
import type { Accounts } from "@norns/capabilities/identity/accounts";
import type { Clock } from "@norns/kernel/clock";
import type { EventLog } from "@norns/kernel/events";
import type { Log } from "@norns/kernel/log";

export interface PruneDeps {
  readonly events: Pick<EventLog, "prune">;
  readonly accounts: Pick<Accounts, "forgetExpired">;
  readonly keepEventsDays: number;
  readonly clock: Clock;
  readonly log: Log;
}

const dayMs = 24 * 3_600_000;
/** A start has other things to do. */
const firstAfterMs = 5 * 60_000;
const retryAfterMs = 3_600_000;

/** Any number of servers may do it at once, and twice: what is gone is gone. */
export async function prune({ events, accounts, keepEventsDays, clock, log }: PruneDeps, signal: AbortSignal): Promise<void> {
  const removed = await events.prune(clock.now() - keepEventsDays * dayMs, signal);
  await accounts.forgetExpired();
  if (removed > 0) log.info({ events: removed, keepEventsDays }, "Old events are forgotten");
}

/** Soon after the start and then daily, until the signal. A database that is away is asked again in an hour. */
export async function pruneDaily(deps: PruneDeps, signal: AbortSignal): Promise<void> {
  let waitMs = firstAfterMs;
  for (;;) {
    await deps.clock.sleep(waitMs, signal);
    try {
      await prune(deps, signal);
      waitMs = dayMs;
    } catch (error) {
      signal.throwIfAborted();
      deps.log.warn({ error }, "What is old could not be forgotten; trying again in an hour.");
      waitMs = retryAfterMs;
    }
  }
}
