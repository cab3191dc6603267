/**
 * One reader a process feeds all followers. It keeps the newest events in a ring; a follower is a position in it. Events
 * committed by this process arrive at once and without a query; those of others are read when a signal or the slow poll
 * says that there are some. While nobody follows, nothing is read and nothing runs.
 *
 * A follower that begins behind the ring is brought up from the database page by page, at its own pace, and misses
 * nothing. One that was live and fell out of the ring is too slow: it is told what it missed and goes on from there.
 */
import type { Clock } from "../clock/index.ts";
import type { Store } from "../database/index.ts";
import type { Log } from "../log/index.ts";
import type { Event, EventFilter } from "./contract.ts";
import { Follower, type EventSink } from "./follower.ts";
import { latestSeq, listEvents, oldestSeq } from "./query.ts";
import { EventRing } from "./ring.ts";

/** How another process's commits are heard of. */
export interface EventNotifier {
  /** Tells the others that numbers up to `seq` are committed. Returns at once; may merge and may lose some. */
  notify(seq: number): void;
  /**
   * Calls back with the highest number told, or with undefined when something may have been missed (after a
   * reconnect). Listens until the signal aborts.
   */
  listen(onSignal: (seq: number | undefined) => void, signal: AbortSignal): void;
}

export interface HubOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly notifier?: EventNotifier | undefined;
  /** Events held in memory; a live follower may lag by as many. */
  readonly capacity: number;
  /** How long a lost signal may go unnoticed. */
  readonly pollMs: number;
}

const pageSize = 500;
/** How long a hole before an event of ours waits for its owner to hand it in, before it is read. */
const holeMs = 3;

export class EventHub {
  readonly #options: HubOptions;
  readonly #followers = new Set<Follower>();
  /** Committed here, but a lower number is not in the ring yet. Bounded: beyond it they are read again. */
  readonly #early = new Map<number, Event>();
  #session: Session | undefined;

  constructor(options: HubOptions) {
    this.#options = options;
  }

  get followerCount(): number {
    return this.#followers.size;
  }

  /** Events that this process has committed, with their numbers. */
  offer(events: readonly Event[]): void {
    const session = this.#session;
    if (!session) return;
    const { ring } = session;
    for (const event of events) {
      if (ring && event.seq === ring.last + 1) ring.push(event);
      else if ((!ring || event.seq > ring.last) && this.#early.size < this.#options.capacity) this.#early.set(event.seq, event);
    }
    if (!ring) return;
    this.#takeEarly(ring);
    this.#feed();
    if (this.#early.size > 0) session.awaitHole();
  }

  /** Follows from behind `after`, or from now. Ends when the signal aborts. */
  add(filter: EventFilter, after: number | undefined, sink: EventSink, signal: AbortSignal): void {
    if (signal.aborted) return;
    const follower = new Follower(filter, after, sink);
    this.#followers.add(follower);
    const leave = (): void => {
      follower.close();
      this.#followers.delete(follower);
      signal.removeEventListener("abort", leave);
      if (this.#followers.size === 0) this.#end();
    };
    follower.onClosed = leave;
    signal.addEventListener("abort", leave, { once: true });
    const session = (this.#session ??= this.#begin());
    follower.cursor ??= session.ring?.last;
    void session.started.then(() => {
      if (!follower.isClosed && session.ring) this.#join(follower, session, session.ring);
    });
  }

  #begin(): Session {
    const aborter = new AbortController();
    const session: Session = { ring: undefined, startsBehind: 0, aborter, awaitHole: () => {}, started: Promise.resolve() };
    this.#early.clear();
    session.started = this.#start(session);
    void session.started
      .then(() => this.#run(session))
      .catch((error: unknown) => {
        if (!aborter.signal.aborted) this.#options.log.error({ error }, "The event log's reader stopped");
      });
    return session;
  }

  #end(): void {
    this.#session?.aborter.abort(new Error("Nobody follows the events any more."));
    this.#session = undefined;
    this.#early.clear();
  }

  /** Finds where the log ends. Events that were committed here meanwhile are not skipped: they wait in `#early`. */
  async #start(session: Session): Promise<void> {
    const { signal } = session.aborter;
    const last = await this.#persist(() => latestSeq(this.#options.store), signal);
    if (last === undefined) return;
    // A commit that the query saw may still be on its way back to its writer here, who acts after following began.
    await this.#options.clock.sleep(holeMs, signal).catch(() => {});
    const firstEarly = Math.min(...this.#early.keys());
    session.startsBehind = Math.min(last, firstEarly - 1);
    session.ring = new EventRing(this.#options.capacity, session.startsBehind);
    this.#takeEarly(session.ring);
  }

  async #run(session: Session): Promise<void> {
    const { ring, aborter } = session;
    if (!ring) return;
    const { signal } = aborter;
    const { clock, notifier, pollMs } = this.#options;
    let nap: AbortController | undefined;
    // What was early at the start may have others' numbers behind it.
    let isDue = true;
    const readSoon = (): void => {
      isDue = true;
      nap?.abort();
    };
    signal.addEventListener("abort", readSoon, { once: true });
    let isHoleAwaited = false;
    session.awaitHole = () => {
      if (isHoleAwaited) return;
      isHoleAwaited = true;
      clock.sleep(holeMs, signal).then(
        () => {
          isHoleAwaited = false;
          if (this.#early.size > 0) readSoon();
        },
        () => {},
      );
    };
    notifier?.listen((seq) => {
      if (seq === undefined || seq > ring.last) readSoon();
    }, signal);
    while (!signal.aborted) {
      if (!isDue) {
        nap = new AbortController();
        await clock.sleep(pollMs, nap.signal).catch(() => {});
        nap = undefined;
      }
      isDue = false;
      await this.#persist(() => this.#read(ring, signal), signal);
    }
  }

  /** Reads what the ring lacks. */
  async #read(ring: EventRing, signal: AbortSignal): Promise<void> {
    const { store, capacity } = this.#options;
    while (!signal.aborted) {
      const page = await listEvents(store, { after: ring.last, limit: pageSize, order: "asc" });
      for (const event of page.events) {
        // Our own commits arrive while we read: what they brought is not taken twice.
        if (event.seq <= ring.last) continue;
        // A hole in the stored log is its forgotten beginning: it moved past us while we could not read.
        if (event.seq > ring.last + 1) ring.skipTo(event.seq - 1);
        ring.push(event);
        this.#takeEarly(ring);
      }
      this.#feed();
      if (page.next === undefined) break;
      // Far behind (the database was away, or a flood): the followers' gaps would be told page by page otherwise.
      if (page.events.length === pageSize && (await latestSeq(store)) - ring.last > capacity * 4) {
        const latest = await latestSeq(store);
        ring.skipTo(latest - Math.floor(capacity / 2));
      }
    }
    // What is still early lies behind a number that was read as missing: it will be read once that one is there.
    for (const seq of this.#early.keys()) if (seq <= ring.last) this.#early.delete(seq);
  }

  #takeEarly(ring: EventRing): void {
    for (let event = this.#early.get(ring.last + 1); event; event = this.#early.get(ring.last + 1)) {
      this.#early.delete(event.seq);
      ring.push(event);
    }
  }

  #feed(): void {
    const ring = this.#session?.ring;
    if (!ring) return;
    for (const follower of this.#followers) follower.take(ring);
  }

  #join(follower: Follower, session: Session, ring: EventRing): void {
    const { store } = this.#options;
    const { signal } = session.aborter;
    follower.cursor ??= session.startsBehind;
    if (follower.cursor + 1 >= ring.first && follower.cursor <= ring.last) {
      follower.isLive = true;
      follower.take(ring);
      return;
    }
    void this.#persist(
      () =>
        follower.catchUp(
          ring,
          (query) => listEvents(store, query),
          () => latestSeq(store),
          () => oldestSeq(store),
        ),
      signal,
    );
  }

  /** Tries until it works: the database may be away for a while, and followers stay. Undefined when the signal aborts. */
  async #persist<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T | undefined> {
    for (let pause = 100; !signal.aborted; pause = Math.min(5_000, pause * 2)) {
      try {
        return await work();
      } catch (error) {
        if (signal.aborted) return undefined;
        this.#options.log.warn({ error, pause }, "The event log could not be read; trying again");
        await this.#options.clock.sleep(pause, signal).catch(() => {});
      }
    }
    return undefined;
  }
}

interface Session {
  /** Set once the end of the log is known. */
  ring: EventRing | undefined;
  /** The end of the log when the reader began: "now" for whoever was there first. */
  startsBehind: number;
  readonly aborter: AbortController;
  started: Promise<void>;
  /** A number is missing before one of ours: unless it is handed in shortly, it is read. */
  awaitHole(): void;
}
