/**
 * A journal is a directory of segments `0001.log`, `0002.log`, … Each begins with 16 bytes: `NORNLOG1` and, as u64, how
 * many bytes all segments before it held, so that a reader who lost segments can say how much it lost.
 */
import { readdirSync } from "node:fs";
import { invalid } from "@norns/kernel/errors";

export const segmentHeaderBytes = 16;
const magic = "NORNLOG1";

export function segmentName(segment: number): string {
  return `${String(segment).padStart(4, "0")}.log`;
}

export function segmentHeader(base: number): Buffer {
  const header = Buffer.alloc(segmentHeaderBytes);
  header.write(magic, "latin1");
  header.writeBigUInt64LE(BigInt(base), 8);
  return header;
}

/** Bytes before this segment, or null when the file is not one of ours (or its header was torn). */
export function baseOf(header: Buffer): number | null {
  if (header.length < segmentHeaderBytes || header.toString("latin1", 0, 8) !== magic) return null;
  return Number(header.readBigUInt64LE(8));
}

/** The segment numbers of a directory, ascending; none when the directory does not exist. */
export function listSegments(directory: string): number[] {
  return segmentNumbers(namesOf(directory));
}

export function segmentNumbers(names: readonly string[]): number[] {
  return names
    .filter((name) => /^\d{4,9}\.log$/.test(name))
    .map((name) => Number(name.slice(0, -4)))
    .sort((a, b) => a - b);
}

function namesOf(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

export interface Cursor {
  readonly source: string;
  readonly segment: number;
  readonly offset: number;
}

export function toCursor(source: string, segment: number, offset: number): string {
  return `${source}:${segment}:${offset}`;
}

/** Parses `instance:segment:offset`. What comes from outside ends here or is safe in a path. */
export function fromCursor(text: string): Cursor {
  const match = /^([A-Za-z0-9_-]{1,80}):(\d{1,9}):(\d{1,15})$/.exec(text);
  if (!match) {
    throw invalid("log_cursor_invalid", "This is not a place in a log. Start again without `Last-Event-ID`.");
  }
  return { source: match[1]!, segment: Number(match[2]), offset: Number(match[3]) };
}
