/**
 * Reads one journal: from its start, its last n lines, a time or a cursor, on to its end and, when asked again, whatever
 * came since. Holds one block and the open lines, never a whole segment. A range that is not kept any more comes out as
 * a gap.
 */
import { open, readdir, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { frameBytes, headerBytes, payloadOf, readRecord, recordBefore, type GapNote, type LogStream } from "./record.ts";
import { baseOf, segmentHeaderBytes, segmentName, segmentNumbers, type Cursor } from "./segments.ts";

export interface JournalLine {
  readonly at: number;
  readonly stream: LogStream;
  readonly text: string;
  readonly segment: number;
  /** End of the line's last record. */
  readonly offset: number;
}

export interface JournalGap {
  readonly at: number;
  readonly gap: GapNote;
  readonly segment: number;
  readonly offset: number;
}

export type JournalEntry = JournalLine | JournalGap;

export type ReadFrom =
  | { readonly kind: "start" }
  | { readonly kind: "tail"; readonly lines: number }
  | { readonly kind: "since"; readonly at: number }
  | { readonly kind: "cursor"; readonly cursor: Cursor };

const blockBytes = 128 * 1024;
const noBytes = Buffer.alloc(0);

export class JournalReader {
  readonly #directory: string;
  #from: ReadFrom | null;
  #file: FileHandle | null = null;
  #segment = 0;
  #offset = segmentHeaderBytes;
  /** Bytes all segments held before the current one; null until its header is read. */
  #base: number | null = null;
  #open = new Map<LogStream, Buffer[]>();
  /** Where a resume began: a line that joins something before it is looked up from here backwards. */
  #resumedAt: number | null = null;
  #since = 0;

  constructor(directory: string, from: ReadFrom) {
    this.#directory = directory;
    this.#from = from;
  }

  /** The next entries, or an empty list when there is nothing more now. */
  async next(): Promise<JournalEntry[]> {
    if (this.#from) {
      if (!(await this.#start(this.#from))) return [];
      this.#from = null;
    }
    for (;;) {
      if (!this.#file) {
        const gap = await this.#openSegment();
        if (gap) return [gap];
        if (!this.#file) return [];
      }
      const entries = await this.#readBlock(this.#file);
      if (entries === "end") {
        if (!(await this.#leaveSegment(this.#file))) return [];
      } else if (entries.length > 0) return entries;
    }
  }

  async close(): Promise<void> {
    await this.#file?.close();
    this.#file = null;
  }

  /** Entries of the next block; "end" when the segment holds nothing whole beyond the offset. */
  async #readBlock(file: FileHandle): Promise<JournalEntry[] | "end"> {
    const buffer = Buffer.allocUnsafe(blockBytes);
    const { bytesRead } = await file.read(buffer, 0, blockBytes, this.#offset);
    const block = buffer.subarray(0, bytesRead);
    const entries: JournalEntry[] = [];
    let at = 0;
    for (;;) {
      const head = readRecord(block, at);
      if (!head) break;
      const payload = payloadOf(block, at, head);
      at += frameBytes + head.length;
      if (head.isGap) {
        entries.push({ at: head.at, gap: toGapNote(payload), segment: this.#segment, offset: this.#offset + at });
        continue;
      }
      if (head.isJoin && !this.#open.has(head.stream) && this.#resumedAt !== null) {
        this.#open.set(head.stream, await this.#piecesBefore(file, this.#resumedAt, head.stream));
      }
      const pieces = this.#open.get(head.stream) ?? [];
      if (head.isOpen) {
        this.#open.set(head.stream, [...pieces, Buffer.from(payload)]);
        continue;
      }
      this.#open.delete(head.stream);
      if (head.at < this.#since) continue;
      const text = pieces.length === 0 ? payload.toString() : Buffer.concat([...pieces, payload]).toString();
      entries.push({ at: head.at, stream: head.stream, text, segment: this.#segment, offset: this.#offset + at });
    }
    this.#offset += at;
    return at === 0 ? "end" : entries;
  }

  /** Goes on to the next segment if there is one. The writer leaves a segment for good before it makes the next. */
  async #leaveSegment(file: FileHandle): Promise<boolean> {
    const segments = await this.#segments();
    if (!segments.some((segment) => segment > this.#segment)) return false;
    const { size } = await file.stat();
    const probe = Buffer.allocUnsafe(blockBytes);
    const { bytesRead } = await file.read(probe, 0, blockBytes, this.#offset);
    if (readRecord(probe.subarray(0, bytesRead), 0)) return true;
    await file.close();
    this.#file = null;
    const end = this.#base === null ? null : this.#base + size;
    this.#enter(this.#segment + 1, segmentHeaderBytes, end);
    return true;
  }

  #enter(segment: number, offset: number, expectedBase: number | null): void {
    this.#segment = segment;
    this.#offset = offset;
    this.#base = expectedBase;
    this.#open = new Map();
    this.#resumedAt = null;
  }

  /** Opens the current segment, or the oldest kept one after it; answers the gap between the two. */
  async #openSegment(): Promise<JournalGap | null> {
    for (;;) {
      const segment = (await this.#segments()).find((number) => number >= this.#segment);
      if (segment === undefined) return null;
      const file = await openOrNull(join(this.#directory, segmentName(segment)));
      if (!file) continue;
      const base = baseOf((await file.read(Buffer.alloc(segmentHeaderBytes), 0, segmentHeaderBytes, 0)).buffer);
      if (base === null) {
        await file.close();
        return null;
      }
      const wanted = { segment: this.#segment, base: this.#base, offset: this.#offset };
      this.#file = file;
      if (segment === wanted.segment || wanted.segment === 0) {
        this.#segment = segment;
        this.#base = base;
        return null;
      }
      this.#enter(segment, segmentHeaderBytes, base);
      const lost = wanted.base === null ? undefined : base - wanted.base - (wanted.offset - segmentHeaderBytes);
      return {
        at: 0,
        gap: { ...(lost === undefined ? {} : { bytes: lost }), reason: "older lines are not kept any more" },
        segment,
        offset: segmentHeaderBytes,
      };
    }
  }

  async #segments(): Promise<number[]> {
    try {
      return segmentNumbers(await readdir(this.#directory));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
      throw error;
    }
  }

  /** False while the journal has no segment yet. */
  async #start(from: ReadFrom): Promise<boolean> {
    const segments = await this.#segments();
    const [first, last] = [segments[0], segments.at(-1)];
    if (first === undefined || last === undefined) return false;
    switch (from.kind) {
      case "start":
        // From the first segment ever written, so that a rotated head shows as a gap of known size.
        this.#enter(1, segmentHeaderBytes, 0);
        return true;
      case "cursor":
        this.#enter(Math.max(1, from.cursor.segment), segmentHeaderBytes, null);
        await this.#seek(Math.max(segmentHeaderBytes, from.cursor.offset));
        return true;
      case "tail":
        await this.#seekTail(segments, from.lines);
        return true;
      case "since":
        this.#since = from.at;
        this.#enter(await this.#segmentAt(segments, from.at), segmentHeaderBytes, null);
        return true;
    }
  }

  /** The last segment whose first record is older than `at`. */
  async #segmentAt(segments: readonly number[], at: number): Promise<number> {
    for (const segment of segments.toReversed()) {
      const file = await openOrNull(join(this.#directory, segmentName(segment)));
      if (!file) continue;
      try {
        const { buffer } = await file.read(Buffer.alloc(headerBytes), 0, headerBytes, segmentHeaderBytes);
        if (buffer.readUIntLE(4, 6) < at) return segment;
      } finally {
        await file.close();
      }
    }
    return segments[0]!;
  }

  /** Puts the offset on the first record boundary at or after `offset`: a cursor from outside may be anything. */
  async #seek(offset: number): Promise<void> {
    const file = await openOrNull(join(this.#directory, segmentName(this.#segment)));
    this.#offset = offset;
    if (!file) return;
    try {
      if (offset > segmentHeaderBytes && !(await isBoundary(file, offset))) {
        this.#offset = segmentHeaderBytes;
        const { size } = await file.stat();
        while (this.#offset < Math.min(offset, size)) {
          const step = await recordBytesAt(file, this.#offset);
          if (step === 0) break;
          this.#offset += step;
        }
      }
      this.#resumedAt = this.#offset;
    } finally {
      await file.close();
    }
  }

  async #seekTail(segments: readonly number[], lines: number): Promise<void> {
    let left = lines;
    for (const segment of segments.toReversed()) {
      const file = await openOrNull(join(this.#directory, segmentName(segment)));
      if (!file) continue;
      try {
        const { size } = await file.stat();
        let start = left === 0 ? size : segmentHeaderBytes;
        const broken = new Set<LogStream>();
        if (left > 0) {
          for await (const record of recordsBackwards(file, await soundEnd(file, size))) {
            if (!record.head.isGap) {
              if (!record.head.isOpen) left--;
              if (record.head.isJoin) broken.add(record.head.stream);
              else broken.delete(record.head.stream);
            }
            start = record.start;
            if (left <= 0 && broken.size === 0) break;
          }
        }
        this.#enter(segment, start, null);
        if (left <= 0) return;
      } finally {
        await file.close();
      }
    }
  }

  async #piecesBefore(file: FileHandle, end: number, stream: LogStream): Promise<Buffer[]> {
    const pieces: Buffer[] = [];
    for await (const { head, payload } of recordsBackwards(file, end)) {
      if (head.stream !== stream || head.isGap) continue;
      if (!head.isOpen) break;
      pieces.unshift(Buffer.from(payload));
      if (!head.isJoin) break;
    }
    return pieces;
  }
}

async function* recordsBackwards(file: FileHandle, from: number) {
  let end = from;
  while (end > segmentHeaderBytes) {
    const start = Math.max(segmentHeaderBytes, end - blockBytes);
    const { buffer } = await file.read(Buffer.allocUnsafe(end - start), 0, end - start, start);
    let at = buffer.length;
    for (;;) {
      const begin = recordBefore(buffer, at);
      if (begin === null) break;
      const head = readRecord(buffer, begin)!;
      yield { head, start: start + begin, payload: payloadOf(buffer, begin, head) };
      at = begin;
    }
    if (at === buffer.length) return;
    end = start + at;
  }
}

/** The end of the last whole record: the writer may be in the middle of one. */
async function soundEnd(file: FileHandle, size: number): Promise<number> {
  if (size <= segmentHeaderBytes || (await isBoundary(file, size))) return size;
  let end = segmentHeaderBytes;
  for (let step = await recordBytesAt(file, end); step > 0; step = await recordBytesAt(file, end)) end += step;
  return end;
}

async function isBoundary(file: FileHandle, offset: number): Promise<boolean> {
  const start = Math.max(segmentHeaderBytes, offset - blockBytes);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(offset - start), 0, offset - start, start);
  return bytesRead === offset - start && recordBefore(buffer, bytesRead) !== null;
}

async function recordBytesAt(file: FileHandle, offset: number): Promise<number> {
  const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(blockBytes), 0, blockBytes, offset);
  const head = readRecord(buffer.subarray(0, bytesRead), 0);
  return head ? frameBytes + head.length : 0;
}

async function openOrNull(path: string): Promise<FileHandle | null> {
  try {
    return await open(path, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

function toGapNote(payload: Buffer): GapNote {
  const text = payload.toString() || noBytes.toString();
  try {
    return JSON.parse(text) as GapNote; // Written by our own writer from a GapNote.
  } catch {
    return { reason: "the log is damaged here" };
  }
}
