/** Where the journals of instances and steps are, and the writers of both. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { invalid } from "@norns/kernel/errors";
import type { OutputSink } from "../port.ts";
import { findMetaNow, writeMeta, type JournalMeta, type StepMeta } from "./meta.ts";
import { openJournal, type JournalOptions, type JournalWriter } from "./writer.ts";

/** Anything but a plain name never becomes part of a path [I6, I7]. */
function plainName(name: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9_-]{0,79}$/.test(name)) {
    throw invalid("log_name_invalid", "There is no log of that name: names are letters, digits, hyphens and underscores.");
  }
  return name;
}

export function appLogDirectory(home: string, app: string): string {
  return join(home, "logs", plainName(app));
}

export function instanceLogDirectory(home: string, app: string, instance: string): string {
  return join(appLogDirectory(home, app), plainName(instance));
}

export function stepOutputDirectory(home: string, at: { app: string; operation: string; step: string }): string {
  return join(appLogDirectory(home, at.app), "operations", plainName(at.operation), plainName(at.step));
}

export interface InstanceJournal extends JournalWriter {
  /** The instance is gone for good: its journal is kept 7 days from now. */
  retire(at: number): void;
}

/**
 * Opens the journal of an instance for appending, making it if need be. One writer an instance at a time.
 *
 *     const journal = openInstanceJournal(home, { instance, workspace, app, release, process, index: 0, startedAt });
 *     journal.write("stdout", chunk, Date.now());
 */
export function openInstanceJournal(home: string, meta: JournalMeta, options: Omit<JournalOptions, "directory"> = {}): InstanceJournal {
  const directory = instanceLogDirectory(home, meta.app, meta.instance);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const known = findMetaNow<JournalMeta>(directory);
  if (!known || known.endedAt !== undefined) writeMeta(directory, { ...meta, startedAt: known?.startedAt ?? meta.startedAt });
  return withRetire(openJournal({ directory, ...options }), (at) => writeMeta(directory, { ...meta, endedAt: at }));
}

/** Marks the journal of an instance that nobody writes any more as ended. */
export function retireJournal(home: string, at: { app: string; instance: string }, endedAt: number): void {
  const directory = instanceLogDirectory(home, at.app, at.instance);
  const meta = findMetaNow<JournalMeta>(directory);
  if (meta && meta.endedAt === undefined) writeMeta(directory, { ...meta, endedAt });
}

export interface StepOutput {
  /** Hand it to `build` and `runOnce`. */
  readonly sink: OutputSink;
  system(text: string): void;
  /** Ends the output: followers come to their end. */
  close(): void;
}

/**
 * Keeps what a step of an operation prints: the first 2 MB and the last 2 MB, a gap between. Opening it again (a retried
 * step) goes on behind what is there.
 *
 *     const output = openStepOutput({ home, app, operation, step: "build", now: clock.now });
 */
export function openStepOutput(at: { home: string; app: string; operation: string; step: string; now: () => number }): StepOutput {
  const directory = stepOutputDirectory(at.home, at);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const meta: StepMeta = { operation: at.operation, step: at.step, startedAt: at.now() };
  writeMeta(directory, meta);
  const journal = openJournal({ directory, segmentBytes: 1024 * 1024, keepHead: 2, keepTail: 2 });
  return {
    sink: (stream, chunk) => journal.write(stream, chunk, at.now()),
    system: (text) => journal.system(text, at.now()),
    close: () => {
      journal.endLines(at.now());
      journal.close();
      writeMeta(directory, { ...meta, endedAt: at.now() });
    },
  };
}

function withRetire(journal: JournalWriter, retire: (at: number) => void): InstanceJournal {
  return {
    write: (stream, chunk, at) => journal.write(stream, chunk, at),
    system: (text, at) => journal.system(text, at),
    gap: (note, at) => journal.gap(note, at),
    endLines: (at) => journal.endLines(at),
    close: () => journal.close(),
    retire,
  };
}
