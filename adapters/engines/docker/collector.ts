/**
 * Brings what containers print into the journal that all engines share. Docker keeps the lines in its own file meanwhile,
 * so nothing is lost while no server runs; after any break the collector goes on exactly where the journal ends, because
 * journal and container hold the same lines in the same order: it asks for everything from the last line's millisecond
 * on, and leaves out as many lines of each stream as the journal already has of that time.
 */
import type { Clock } from "@norns/kernel/clock";
import type { Log } from "@norns/kernel/log";
import { type InstanceJournal, type JournalMeta, openInstanceJournal, readLogs } from "../journal/index.ts";
import type { Instance } from "../workload.ts";
import type { Daemon } from "./transport.ts";
import { frames, isRefusal } from "./transport.ts";

export interface CollectorDeps {
  readonly home: string;
  readonly daemon: Daemon;
  readonly clock: Clock;
  readonly log: Log;
}

/** Docker's own file is rotated at 64 MB × 3; having taken in this much in one go, look whether anything was overtaken. */
const suspectBytes = 48 * 1024 * 1024;

export interface Collector {
  /** Call whenever the container may have started (again). */
  nudge(): void;
  /** Resolves when every line of the container, which has ended, is in the journal. */
  drained(signal: AbortSignal): Promise<void>;
  /** The instance is gone for good. */
  retire(): Promise<void>;
  close(): Promise<void>;
}

export function collect(deps: CollectorDeps, containerId: string, instance: Instance): Collector {
  const closing = new AbortController();
  const { signal } = closing;
  let wake: (() => void) | undefined;
  let idle = Promise.withResolvers<void>();
  let isNudged = true;
  let journal: InstanceJournal | undefined;

  async function run(): Promise<void> {
    for (let failures = 0; !signal.aborted;) {
      try {
        isNudged = false;
        if ((await follow()) === "gone") break;
        failures = 0;
        if (!isNudged) {
          // Everything there was has been taken; a start of the container, or the end of the instance, wakes us.
          idle.resolve();
          await new Promise<void>((resolve) => (wake = resolve));
        }
      } catch (thrown) {
        if (signal.aborted) break;
        failures += 1;
        deps.log.debug({ instance: instance.id, failures, error: String(thrown) }, "collecting a container's log goes on after a break");
        await deps.clock.sleep(Math.min(100 * 2 ** failures, 5000), signal).catch(() => {});
      }
    }
    idle.resolve();
  }

  /** One connection: from where the journal ends to the container's end, or to the break. */
  async function follow(): Promise<"ended" | "gone"> {
    const known = await journalEnd(deps.home, instance, signal);
    journal ??= openInstanceJournal(deps.home, toMeta(instance));
    const into = journal;
    const body = await logsFrom(known.from, true);
    if (body === "gone") return "gone";
    const skip = { ...known.skip };
    // Since `checked`, so many bytes and lines were taken in.
    let checked = { at: known.from, lines: 0, bytes: 0, last: known.from };
    for await (const batch of frames(body)) {
      for (const { stream, payload } of batch) {
        const line = toLine(payload);
        if (line === undefined || line.at < known.from) continue;
        checked.lines += line.isWhole ? 1 : 0;
        checked.bytes += payload.length;
        checked.last = Math.max(checked.last, line.at);
        if (skip[stream] === 0) into.write(stream, line.text, line.at);
        else if (line.isWhole) skip[stream] -= 1;
      }
      // Only once caught up: while it lags, every pause would let the rotation come nearer.
      if (checked.bytes > suspectBytes && deps.clock.now() - checked.last < 500) checked = await check(into, checked);
    }
    into.endLines(deps.clock.now());
    if (checked.bytes > suspectBytes) await check(into, checked);
    return "ended";
  }

  async function logsFrom(from: number, isFollowing: boolean): Promise<AsyncIterable<Buffer> | "gone"> {
    const query = { follow: isFollowing, stdout: true, stderr: true, timestamps: true, since: from === 0 ? 0 : (from / 1000).toFixed(3) };
    try {
      return await deps.daemon.stream("GET", `/containers/${containerId}/logs`, { query, signal });
    } catch (thrown) {
      if (isRefusal(thrown, 404, 409)) return "gone";
      throw thrown;
    }
  }

  /** After a burst: does Docker have more lines of that time than it gave us? A rotation can overtake a follower. */
  async function check(into: InstanceJournal, taken: { at: number; lines: number; bytes: number; last: number }) {
    const body = await logsFrom(taken.at, false);
    let lines = 0;
    let bytes = 0;
    if (body !== "gone") {
      for await (const batch of frames(body)) {
        for (const { payload } of batch) {
          const line = toLine(payload);
          if (line === undefined || line.at < taken.at || line.at > taken.last) continue;
          lines += line.isWhole ? 1 : 0;
          bytes += payload.length;
        }
      }
    }
    if (lines > taken.lines)
      into.gap(
        { bytes: Math.max(0, bytes - taken.bytes), reason: `${lines - taken.lines} lines came faster than they could be collected` },
        deps.clock.now(),
      );
    return { at: taken.last + 1, lines: 0, bytes: 0, last: taken.last };
  }

  const running = run();
  return {
    nudge: () => {
      isNudged = true;
      if (wake === undefined) return;
      // At once, not when the loop gets its turn: who asks for `drained` after this waits for the new lines.
      idle = Promise.withResolvers();
      wake();
      wake = undefined;
    },
    drained: async (until) => {
      const { promise, reject } = Promise.withResolvers<never>();
      const onAbort = (): void => reject(until.reason);
      until.addEventListener("abort", onAbort, { once: true });
      promise.catch(() => {});
      try {
        await Promise.race([idle.promise, promise]);
      } finally {
        until.removeEventListener("abort", onAbort);
      }
    },
    retire: async () => {
      closing.abort();
      wake?.();
      await running;
      journal?.retire(deps.clock.now());
      journal?.close();
    },
    close: async () => {
      closing.abort();
      wake?.();
      await running;
      journal?.close();
    },
  };
}

/** `2026-11-20T16:00:00.123456789Z text`; a line longer than 16 KB comes in pieces, of which the last has the newline. */
function toLine(payload: Buffer): { at: number; text: Buffer; isWhole: boolean } | undefined {
  const space = payload.indexOf(0x20);
  const at = Date.parse(payload.toString("latin1", 0, space));
  return space === -1 || Number.isNaN(at) ? undefined : { at, text: payload.subarray(space + 1), isWhole: payload.at(-1) === 0x0a };
}

const toMeta = ({ id, workspace, app, release, process, index, startedAt }: Instance): JournalMeta => ({
  instance: id,
  workspace,
  app,
  release,
  process,
  index,
  startedAt,
});

/**
 * Where to go on: from one second before the journal's last line (the two streams may be a little out of order), leaving
 * out as many lines of each stream as the journal has from then on.
 */
async function journalEnd(
  home: string,
  instance: Instance,
  signal: AbortSignal,
): Promise<{ from: number; skip: { stdout: number; stderr: number } }> {
  for (let tail = 2000; ; tail *= 8) {
    const lines: { at: number; stream: "stdout" | "stderr" }[] = [];
    let seen = 0;
    for await (const entry of readLogs(home, {
      workspace: instance.workspace,
      app: instance.app,
      instance: instance.id,
      tail,
      follow: false,
      signal,
    })) {
      seen += 1;
      if ("text" in entry && entry.stream !== "system") lines.push({ at: entry.at, stream: entry.stream });
    }
    if (lines.length === 0 && seen < tail) return { from: 0, skip: { stdout: 0, stderr: 0 } };
    const from = lines.reduce((latest, line) => Math.max(latest, line.at), 0) - 1000;
    const count = (stream: "stdout" | "stderr"): number => lines.filter((line) => line.at >= from && line.stream === stream).length;
    if (seen < tail || (lines[0]?.at ?? 0) < from) return { from, skip: { stdout: count("stdout"), stderr: count("stderr") } };
  }
}
