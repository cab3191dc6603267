/** Log lines on the wire: server-sent events that can be resumed, or plain text. */
import type { LogGap, LogLine } from "@norns/adapters/engines";
import { toSafeText } from "@norns/adapters/engines/journal";
import { shortId } from "@norns/capabilities/apps/wire";
import { invalid } from "@norns/kernel/errors";
import type { ServerSentEvent } from "@norns/kernel/http";

const cursorPattern = /^[A-Za-z0-9_-]{1,80}:\d{1,9}:\d{1,15}$/;
const mostCursors = 500;

/** `Last-Event-ID` → cursors, one an instance. */
export function cursorsOf(header: string | undefined): string[] | undefined {
  if (!header) return undefined;
  const cursors = header.split(",");
  if (cursors.length > mostCursors || !cursors.every((cursor) => cursorPattern.test(cursor)))
    throw invalid("invalid_cursor", "Last-Event-ID is not one of this stream. Leave it out to begin anew.");
  return cursors;
}

/** What `Date.parse` makes of anything else is anybody's guess. */
const isoTime = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2}))?$/;
const spanMs: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `10m` ago, an ISO time, or milliseconds since the epoch. */
export function sinceOf(text: string, now: number): number {
  const span = /^(\d{1,6})([smhd])$/.exec(text);
  if (span) return now - Number(span[1]) * spanMs[span[2]!]!;
  if (/^\d{1,16}$/.test(text)) return Number(text);
  const time = isoTime.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time)) throw invalid("invalid_since", "since: give a span such as 10m, an ISO time, or milliseconds since the epoch.");
  return time;
}

/**
 * Each event's id names a place in every instance's log seen so far, so that whoever resumes from it misses no line of
 * any instance and sees none twice.
 */
export async function* toLogEvents(lines: AsyncIterable<LogLine | LogGap>, from: readonly string[]): AsyncGenerator<ServerSentEvent> {
  const places = new Map(from.map((cursor) => [cursor.slice(0, cursor.indexOf(":")), cursor]));
  for await (const line of lines) {
    const instance = line.cursor.slice(0, line.cursor.indexOf(":"));
    // The one that moved last stays: an app restarted for months has more dead instances than an id should name.
    places.delete(instance);
    places.set(instance, line.cursor);
    if (places.size > mostCursors) places.delete(places.keys().next().value!);
    const id = [...places.values()].join(",");
    yield "gap" in line
      ? { id, event: "gap", data: JSON.stringify({ ...line.gap, alloc: shortId(line.gap.instance) }) }
      : { id, event: "log", data: JSON.stringify(toLineJson(line)) };
  }
}

const toLineJson = (line: LogLine) => ({
  at: line.at,
  ts: new Date(line.at).toISOString(),
  process: line.process,
  task: line.process,
  instance: line.instance,
  alloc: shortId(line.instance),
  stream: line.stream,
  line: line.text,
});

/** The bare lines, as the seed's clients read them. */
export async function* bareLines(lines: AsyncIterable<LogLine | LogGap>): AsyncGenerator<string> {
  for await (const line of lines) yield "gap" in line ? `[lines are missing here: ${line.gap.reason}]\n` : `${toSafeText(line.text)}\n`;
}
