/**
 * The event log as server-sent events. A record's id is its `seq`, so a browser that reconnects sends it back as
 * `Last-Event-ID` and misses nothing; what cannot be given any more is a record of its own, `event: gap`.
 */
import type { Event, EventFilter, EventGap } from "./contract.ts";
import type { EventLog } from "./events.ts";
import { onceForEach } from "./once-for-each.ts";

export interface StreamOptions extends EventFilter {
  /** Start behind this number; now when omitted. */
  readonly after?: number;
  /** A comment is sent when nothing else was for so long: proxies close silent connections. Default 15 s. */
  readonly heartbeatMs?: number;
}

export const eventStreamHeaders: Readonly<Record<string, string>> = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-cache, no-transform",
  // nginx would hold records back otherwise.
  "x-accel-buffering": "no",
};

/** The number to continue behind: the header `Last-Event-ID` of a reconnect wins over `?after=` of the first request. */
export function resumeFrom(lastEventId: string | null | undefined, after: number | undefined): number | undefined {
  return lastEventId && /^\d{1,15}$/.test(lastEventId) ? Number(lastEventId) : after;
}

const encoder = new TextEncoder();
const recordOf = onceForEach((event: Event) => encoder.encode(`id: ${event.seq}\ndata: ${JSON.stringify(event)}\n\n`));
// Its id is the last number missed: a reconnect goes on behind the gap and is not told of it again.
const gapRecord = ({ gap }: EventGap) => encoder.encode(`id: ${gap.to}\nevent: gap\ndata: ${JSON.stringify(gap)}\n\n`);
const heartbeat = encoder.encode(": still here\n\n");

/** Records that may wait for the reader; then the follower pauses, and falls behind in the log's memory, not in ours. */
const waitingAtMost = 64;

/**
 * A stream for a Response's body. It is read as fast as its reader takes it and holds a bounded number of records; it
 * ends when `signal` aborts (the session was revoked, the server stops) and stops following when the reader goes.
 */
export function eventStream(events: Pick<EventLog, "push">, options: StreamOptions, signal: AbortSignal): ReadableStream<Uint8Array> {
  const { heartbeatMs = 15_000, ...query } = options;
  const following = new AbortController();
  let resume = (): void => {};
  let stop = (): void => {};

  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        let isSilent = false;
        const give = (record: Uint8Array): void | Promise<void> => {
          isSilent = false;
          controller.enqueue(record);
          if ((controller.desiredSize ?? 0) <= 0) return new Promise((resolve) => (resume = resolve));
        };
        const timer = setInterval(() => {
          if (isSilent && (controller.desiredSize ?? 0) > 0) controller.enqueue(heartbeat);
          isSilent = true;
        }, heartbeatMs / 2);
        const end = (): void => {
          stop();
          controller.close();
        };
        stop = () => {
          clearInterval(timer);
          signal.removeEventListener("abort", end);
          following.abort();
          resume();
        };
        // Sent at once, so that headers go out and the other side knows that it is connected.
        controller.enqueue(encoder.encode("retry: 2000\n\n"));
        if (signal.aborted) return end();
        signal.addEventListener("abort", end, { once: true });
        events.push({ ...query, signal: following.signal }, { event: (event) => give(recordOf(event)), gap: (gap) => give(gapRecord(gap)) });
      },
      pull: () => resume(),
      cancel: () => stop(),
    },
    { highWaterMark: waitingAtMost },
  );
}
