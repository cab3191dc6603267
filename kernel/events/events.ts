import { systemClock, type Clock } from "../clock/index.ts";
import type { Store } from "../database/index.ts";
import { newId, type EventId } from "../ids/index.ts";
import { silentLog, type Log } from "../log/index.ts";
import { createAppender } from "./append.ts";
import type { Event, EventFilter, EventGap, Events } from "./contract.ts";
import type { EventSink } from "./follower.ts";
import { EventHub, type EventNotifier } from "./hub.ts";
import { latestSeq, listEvents, pruneEvents } from "./query.ts";

export interface EventsDeps {
  readonly store: Store;
  readonly clock?: Clock;
  readonly newId?: (kind: "EventId") => EventId;
  /** How other processes on the same database are told and heard. Without one they are noticed by polling. */
  readonly notifier?: EventNotifier;
  readonly log?: Log;
  /** Events held in memory for followers; a live follower that lags by more gets a gap. Default 4,096. */
  readonly capacity?: number;
  /** How often followers' reader asks the database unasked. Default 5 s with a notifier, else 1 s. */
  readonly pollMs?: number;
}

/** The event log of one process. */
export interface EventLog extends Events {
  /**
   * Like `follow`, for one who wants to be called: the shortest way to many sockets. `sink` is called with the same
   * `Event` object for every follower, so an encoding is made once for all (`onceForEach`). Ends with the signal.
   */
  push(query: EventFilter & { after?: number; signal: AbortSignal }, sink: EventSink): void;
  /** Forgets what is older than `before` (milliseconds since the epoch). Returns how many events went. */
  prune(before: number, signal?: AbortSignal): Promise<number>;
  /** How many follow at the moment. */
  readonly followerCount: number;
}

/**
 * ```ts
 * const events = createEvents({ store, clock, newId });
 * events.append(write, { workspace, subject: subject("app", "hello"), category: "deploy", action: "deploy.start", message, actor });
 * for await (const event of events.follow({ after: 41, signal })) …
 * ```
 */
export function createEvents(deps: EventsDeps): EventLog {
  const { store, clock = systemClock, notifier } = deps;
  const makeId = deps.newId ?? (() => newId("EventId"));
  const hub = new EventHub({
    store,
    clock,
    log: deps.log ?? silentLog,
    notifier,
    capacity: deps.capacity ?? 4_096,
    pollMs: deps.pollMs ?? (notifier ? 5_000 : 1_000),
  });
  const appender = createAppender({
    store,
    now: () => clock.now(),
    newEventId: () => makeId("EventId"),
    onCommitted(events) {
      hub.offer(events);
      notifier?.notify(events.at(-1)!.seq);
    },
  });

  return {
    append: (write, event) => appender.append(write, event),
    list: (query) => listEvents(store, query),
    latest: () => latestSeq(store),
    prune: (before, signal) => pruneEvents(store, before, signal),
    push: ({ after, signal, ...filter }, sink) => hub.add(filter, after, sink, signal),
    follow: ({ after, signal, ...filter }) => follow(hub, filter, after, signal),
    get followerCount() {
      return hub.followerCount;
    },
  };
}

/** How many events wait for a reader that pulls before it is left to fall behind in the ring. */
const waitingAtMost = 64;

/** Follows from the call on, not from the first pull. */
function follow(hub: EventHub, filter: EventFilter, after: number | undefined, signal: AbortSignal): AsyncIterable<Event | EventGap> {
  const own = new AbortController();
  const waiting: (Event | EventGap)[] = [];
  let wake = (): void => {};
  let resume = (): void => {};
  const take = (item: Event | EventGap): void | Promise<void> => {
    waiting.push(item);
    wake();
    if (waiting.length >= waitingAtMost) return new Promise((resolve) => (resume = resolve));
  };
  const stop = (): void => {
    own.abort();
    wake();
    resume();
  };
  if (signal.aborted) stop();
  else signal.addEventListener("abort", stop, { once: true });
  hub.add(filter, after, { event: take, gap: take }, own.signal);

  return (async function* () {
    try {
      while (!signal.aborted) {
        const item = waiting.shift();
        if (item) {
          if (waiting.length < waitingAtMost / 2) resume();
          yield item;
        } else await new Promise<void>((resolve) => (wake = resolve));
      }
    } finally {
      signal.removeEventListener("abort", stop);
      stop();
    }
  })();
}
