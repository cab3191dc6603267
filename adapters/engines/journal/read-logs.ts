/** Reads the journals of an app's instances as one stream, and the output of a step. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { LogGap, LogLine, LogQuery } from "../port.ts";
import { Changes } from "./changes.ts";
import { appLogDirectory, stepOutputDirectory } from "./instance-journal.ts";
import { findMeta, type JournalMeta, type StepMeta } from "./meta.ts";
import { JournalReader, type JournalEntry, type JournalGap, type ReadFrom } from "./reader.ts";
import { fromCursor, toCursor, type Cursor } from "./segments.ts";

/** One journal within the merge: its next entries and whether it had any when last asked. */
interface Source<Meta> {
  readonly name: string;
  readonly directory: string;
  readonly meta: Meta;
  readonly reader: JournalReader;
  entries: JournalEntry[];
  place: number;
  /** Entries are merged by time that never runs backwards within one journal, even when the machine's clock does. */
  highest: number;
}

/**
 * The lines of an app, merged by time over its instances, with the gaps between. Without `follow` it ends at the end of
 * what is there; with it when the signal aborts (it returns then, it does not throw). A slow consumer holds one block
 * an instance, no more.
 */
export async function* readLogs(home: string, query: LogQuery): AsyncGenerator<LogLine | LogGap> {
  const directory = appLogDirectory(home, query.app);
  const cursors = new Map((query.cursors ?? []).map((text) => fromCursor(text)).map((cursor) => [cursor.source, cursor]));
  await using changes = new Changes();
  const sources = new Map<string, Source<JournalMeta>>();
  const passed = new Set<string>();
  let isFirst = true;
  try {
    while (!query.signal.aborted) {
      changes.add(directory);
      for (const name of await namesIn(directory)) {
        if (sources.has(name) || passed.has(name)) continue;
        const meta = await findMeta<JournalMeta>(join(directory, name));
        if (!meta) continue;
        if (!isWanted(meta, query)) {
          passed.add(name);
          continue;
        }
        const from = whereToBegin(query, cursors.get(name), isFirst);
        sources.set(name, newSource(name, join(directory, name), meta, from));
        changes.add(join(directory, name));
      }
      if (isFirst && query.tail !== undefined && cursors.size === 0) {
        yield* mergedTail([...sources.values()], query);
      } else {
        yield* merged([...sources.values()], query.signal, toLogEntry);
      }
      isFirst = false;
      if (!query.follow) return;
      await changes.wait(query.signal);
    }
  } finally {
    for (const source of sources.values()) await source.reader.close();
  }
}

export interface StepLine {
  readonly at: number;
  readonly stream: LogLine["stream"];
  readonly text: string;
  readonly cursor: string;
}

export interface StepGap {
  readonly gap: JournalGap["gap"];
  readonly cursor: string;
}

/**
 * What a step printed. With `follow` it goes on until the step's output is closed (also when it has not begun) or the
 * signal aborts.
 */
export async function* readStepOutput(query: {
  home: string;
  app: string;
  operation: string;
  step: string;
  cursor?: string;
  tail?: number;
  follow: boolean;
  signal: AbortSignal;
}): AsyncGenerator<StepLine | StepGap> {
  const directory = stepOutputDirectory(query.home, query);
  await using changes = new Changes();
  const from = whereToBegin(query, query.cursor === undefined ? undefined : fromCursor(query.cursor), true);
  const source = newSource(query.step, directory, null, from);
  try {
    while (!query.signal.aborted) {
      changes.add(directory);
      const meta = await findMeta<StepMeta>(directory);
      yield* merged([source], query.signal, toStepEntry);
      if (!query.follow || meta?.endedAt !== undefined) return;
      await changes.wait(query.signal);
    }
  } finally {
    await source.reader.close();
  }
}

function whereToBegin(query: { tail?: number; since?: number }, cursor: Cursor | undefined, isFirst: boolean): ReadFrom {
  if (cursor) return { kind: "cursor", cursor };
  if (isFirst && query.tail !== undefined) return { kind: "tail", lines: query.tail };
  if (query.since !== undefined) return { kind: "since", at: query.since };
  return { kind: "start" };
}

function newSource<Meta>(name: string, directory: string, meta: Meta, from: ReadFrom): Source<Meta> {
  return { name, directory, meta, reader: new JournalReader(directory, from), entries: [], place: 0, highest: 0 };
}

function isWanted(meta: JournalMeta, query: LogQuery): boolean {
  return (
    meta.workspace === query.workspace &&
    (query.process === undefined || meta.process === query.process) &&
    (query.instance === undefined || meta.instance === query.instance) &&
    (query.release === undefined || meta.release === query.release)
  );
}

/** Everything that is there now, oldest first. */
async function* merged<Meta, Entry>(
  sources: readonly Source<Meta>[],
  signal: AbortSignal,
  toEntry: (source: Source<Meta>, entry: JournalEntry) => Entry,
): AsyncGenerator<Entry> {
  let live = [...sources];
  while (live.length > 0 && !signal.aborted) {
    for (const source of live) await fill(source);
    live = live.filter((source) => source.place < source.entries.length);
    // Until one of them is used up: only then may a refill bring an entry that comes earlier.
    while (live.length > 0 && !signal.aborted) {
      const source = live.length === 1 ? live[0]! : live.reduce((a, b) => (timeOf(b) < timeOf(a) ? b : a));
      const entry = source.entries[source.place++]!;
      source.highest = Math.max(source.highest, entry.at);
      yield toEntry(source, entry);
      if (source.place === source.entries.length) break;
    }
  }
}

async function* mergedTail(sources: readonly Source<JournalMeta>[], query: LogQuery): AsyncGenerator<LogLine | LogGap> {
  const lines = query.tail ?? 0;
  let kept: (LogLine | LogGap)[] = [];
  for await (const entry of merged(sources, query.signal, toLogEntry)) {
    if (query.since !== undefined && "text" in entry && entry.at < query.since) continue;
    kept.push(entry);
    if (kept.length > 2 * lines + 64) kept = kept.slice(-lines || kept.length);
  }
  yield* lines === 0 ? [] : kept.slice(-lines);
}

async function fill<Meta>(source: Source<Meta>): Promise<void> {
  if (source.place < source.entries.length) return;
  source.entries = await source.reader.next();
  source.place = 0;
}

function timeOf<Meta>(source: Source<Meta>): number {
  return Math.max(source.highest, source.entries[source.place]!.at);
}

function toLogEntry(source: Source<JournalMeta>, entry: JournalEntry): LogLine | LogGap {
  const { instance, process } = source.meta;
  const cursor = toCursor(source.name, entry.segment, entry.offset);
  return "gap" in entry
    ? { gap: { instance, process, ...entry.gap }, cursor }
    : { at: entry.at, stream: entry.stream, process, instance, text: entry.text, cursor };
}

function toStepEntry(source: Source<null>, entry: JournalEntry): StepLine | StepGap {
  const cursor = toCursor(source.name, entry.segment, entry.offset);
  return "gap" in entry ? { gap: entry.gap, cursor } : { at: entry.at, stream: entry.stream, text: entry.text, cursor };
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return (await readdir(directory)).filter((name) => name !== "operations").sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
