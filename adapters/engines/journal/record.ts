/**
 * One record of a journal segment, little endian:
 *
 *     u32 payload length | u48 time in ms | u8 flags | u8 0xA7 | payload | u32 payload length again
 *
 * The payload is kept byte for byte, so a record may hold anything an app prints. The length at both ends lets a
 * reader walk forwards and backwards, and tells a torn record (the writer died inside it) from a whole one. A line
 * that arrives in pieces is a chain: every piece but the last is OPEN, every piece but the first JOINs. Chains never
 * cross a segment: the next one says the open pieces again.
 */
import type { LogLine } from "../port.ts";

export type LogStream = LogLine["stream"];

export const headerBytes = 12;
export const trailerBytes = 4;
export const frameBytes = headerBytes + trailerBytes;
const magic = 0xa7;

/** A longer line is cut into several. Bounds what a reader holds for one line. */
export const maxLineBytes = 32 * 1024;

const streams: readonly LogStream[] = ["stdout", "stderr", "system"];
const streamBits: Readonly<Record<LogStream, number>> = { stdout: 0, stderr: 1, system: 2 };

export const flag = { open: 4, join: 8, gap: 16 } as const;

export interface RecordHead {
  readonly length: number;
  readonly at: number;
  readonly stream: LogStream;
  readonly isOpen: boolean;
  readonly isJoin: boolean;
  readonly isGap: boolean;
}

/** Writes one record at `offset` and answers the offset behind it. */
export function writeRecord(
  into: Buffer,
  offset: number,
  record: { at: number; stream: LogStream; flags: number; payload: Uint8Array },
): number {
  const length = record.payload.length;
  into.writeUInt32LE(length, offset);
  into.writeUIntLE(record.at, offset + 4, 6);
  into[offset + 10] = streamBits[record.stream] | record.flags;
  into[offset + 11] = magic;
  into.set(record.payload, offset + headerBytes);
  into.writeUInt32LE(length, offset + headerBytes + length);
  return offset + frameBytes + length;
}

/** The record that starts at `offset`, or null when the bytes there are not a whole, sound record. */
export function readRecord(from: Buffer, offset: number): RecordHead | null {
  if (offset < 0 || offset + frameBytes > from.length) return null;
  if (from[offset + 11] !== magic) return null;
  const length = from.readUInt32LE(offset);
  if (length > maxLineBytes || offset + frameBytes + length > from.length) return null;
  if (from.readUInt32LE(offset + headerBytes + length) !== length) return null;
  const flags = from[offset + 10]!;
  const stream = streams[flags & 3];
  if (!stream) return null;
  return {
    length,
    at: from.readUIntLE(offset + 4, 6),
    stream,
    isOpen: (flags & flag.open) !== 0,
    isJoin: (flags & flag.join) !== 0,
    isGap: (flags & flag.gap) !== 0,
  };
}

/** Where the record that ends at `end` starts, or null when what ends there is no record. */
export function recordBefore(from: Buffer, end: number): number | null {
  if (end < frameBytes || end > from.length) return null;
  const length = from.readUInt32LE(end - trailerBytes);
  const start = end - frameBytes - length;
  return readRecord(from, start)?.length === length ? start : null;
}

export function payloadOf(from: Buffer, offset: number, head: RecordHead): Buffer {
  return from.subarray(offset + headerBytes, offset + headerBytes + head.length);
}

/** What a gap record says. */
export interface GapNote {
  readonly bytes?: number;
  readonly reason: string;
}
