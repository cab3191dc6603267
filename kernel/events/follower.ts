import type { Event, EventFilter, EventGap, EventPage } from "./contract.ts";
import { matches, type EventQuery } from "./query.ts";
import type { EventRing } from "./ring.ts";

/** Where a follower's events go. A returned promise means "enough for now": nothing comes until it settles. */
export interface EventSink {
  event(event: Event): void | Promise<void>;
  gap(gap: EventGap): void | Promise<void>;
}

const pageSize = 500;

/** One follower: its filter, and the last number that it has been past. */
export class Follower {
  readonly #filter: EventFilter;
  readonly #sink: EventSink;
  #isBusy = false;
  /** Undefined until the hub knows where "now" is. */
  cursor: number | undefined;
  isLive = false;
  isClosed = false;
  onClosed: () => void = () => {};

  constructor(filter: EventFilter, after: number | undefined, sink: EventSink) {
    this.#filter = filter;
    this.#sink = sink;
    this.cursor = after;
  }

  close(): void {
    this.isClosed = true;
  }

  /** Gives everything between the cursor and the ring's end, until the sink has enough. */
  take(ring: EventRing): void {
    if (!this.isLive || this.#isBusy || this.isClosed) return;
    while (this.cursor! < ring.last && !this.isClosed) {
      const behind = ring.first - this.cursor! - 1;
      const from = this.cursor! + 1;
      let pause: void | Promise<void>;
      try {
        if (behind > 0) {
          this.cursor = ring.first - 1;
          pause = this.#sink.gap({ gap: { from, to: this.cursor } });
        } else {
          this.cursor = from;
          const event = ring.get(from);
          pause = matches(event, this.#filter) ? this.#sink.event(event) : undefined;
        }
      } catch {
        // A sink that fails is a reader that is gone. It must not fail the write whose commit brought us here.
        return this.onClosed();
      }
      if (pause) return this.#wait(pause, ring);
    }
  }

  /** From the database, page by page, until the ring takes over. May be called again after it threw. */
  async catchUp(
    ring: EventRing,
    list: (query: EventQuery) => Promise<EventPage>,
    latest: () => Promise<number>,
    oldest: () => Promise<number>,
  ): Promise<void> {
    const end = await latest();
    if (this.cursor! > end) {
      // A number from a future that did not happen: the database was put back to an earlier state.
      this.cursor = Math.min(end, ring.last);
      await this.#give(() => this.#sink.gap({ gap: { from: 1, to: end } }));
    }
    const kept = await oldest();
    if (kept > this.cursor! + 1 && this.cursor! < end) {
      const from = this.cursor! + 1;
      this.cursor = kept - 1;
      await this.#give(() => this.#sink.gap({ gap: { from, to: kept - 1 } }));
    }
    while (!this.isClosed && this.cursor! + 1 < ring.first) {
      // Taken before the page: what is committed after it is found by the next one, or in the ring.
      const seenEnd = await latest();
      const page = await list({ ...this.#filter, after: this.cursor!, limit: pageSize, order: "asc" });
      for (const event of page.events) {
        if (this.isClosed) return;
        this.cursor = event.seq;
        await this.#give(() => this.#sink.event(event));
      }
      if (page.next === undefined) this.cursor = Math.max(this.cursor!, seenEnd);
    }
    this.isLive = true;
    this.take(ring);
  }

  /** A sink that fails is a reader that is gone: it leaves, and the others go on. */
  async #give(to: () => void | Promise<void>): Promise<void> {
    try {
      await to();
    } catch {
      this.onClosed();
    }
  }

  #wait(pause: Promise<void>, ring: EventRing): void {
    this.#isBusy = true;
    pause.then(
      () => {
        this.#isBusy = false;
        this.take(ring);
      },
      () => this.onClosed(),
    );
  }
}
