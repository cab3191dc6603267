/**
 * Appends what an instance prints to its journal. Everything is synchronous: bytes handed to `write` are in the page
 * cache when it returns, so nothing waits in memory that a `kill -9` could take away. A full disk never stops the app:
 * what cannot be written is counted and told as a gap as soon as something can be written again.
 */
import { closeSync, ftruncateSync, mkdirSync, openSync, readSync, fstatSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { flag, frameBytes, headerBytes, maxLineBytes, readRecord, writeRecord, type GapNote, type LogStream } from "./record.ts";
import { baseOf, listSegments, segmentHeader, segmentHeaderBytes, segmentName } from "./segments.ts";

export interface JournalOptions {
  readonly directory: string;
  /** Default 16 MB. */
  readonly segmentBytes?: number;
  /** How many of the newest segments stay; default 4. */
  readonly keepTail?: number;
  /** How many of the oldest segments stay for good; default 0. Step output keeps its head. */
  readonly keepHead?: number;
  /** Stands in for `fs.writeSync` in tests of a full disk. */
  readonly writeBytes?: (fd: number, bytes: Buffer) => number;
}

export interface JournalWriter {
  /** Splits into lines; a line without its end stays open until more of it comes. `at` is milliseconds. */
  write(stream: LogStream, chunk: Uint8Array, at: number): void;
  /** One line of Norns' own: `started again after exit code 1`. */
  system(text: string, at: number): void;
  /** Declares lines that are not there. */
  gap(note: GapNote, at: number): void;
  /** Ends open lines: the process has ended, nothing more of them will come. */
  endLines(at: number): void;
  close(): void;
}

const sliceBytes = 64 * 1024;
const newline = 0x0a;

/** Opens a journal for appending, making the directory if need be. One writer at a time. */
export function openJournal(options: JournalOptions): JournalWriter {
  return new Writer(options);
}

class Writer implements JournalWriter {
  readonly #options: Required<JournalOptions>;
  #fd: number | null = null;
  #segment = 0;
  #base = 0;
  #size = 0;
  /** The pieces of the open line, a stream; absent when none is open. A new segment begins with them again. */
  readonly #open = new Map<LogStream, Buffer>();
  #droppedBytes = 0;
  #isTorn = false;

  constructor(options: JournalOptions) {
    this.#options = { segmentBytes: 16 * 1024 * 1024, keepTail: 4, keepHead: 0, writeBytes: writeSync, ...options };
    mkdirSync(options.directory, { recursive: true, mode: 0o700 });
    const last = listSegments(options.directory).at(-1);
    if (last !== undefined) this.#resume(last);
    if (this.#isTorn) this.gap({ reason: "the writer ended in the middle of a line" }, Date.now());
  }

  write(stream: LogStream, chunk: Uint8Array, at: number): void {
    for (let from = 0; from < chunk.length; from += sliceBytes) {
      this.#writeSlice(stream, chunk.subarray(from, from + sliceBytes), at);
    }
  }

  system(text: string, at: number): void {
    const payload = Buffer.from(text.replaceAll("\n", " ")).subarray(0, maxLineBytes);
    this.#append(this.#record("system", 0, payload, at), payload.length);
  }

  gap(note: GapNote, at: number): void {
    this.endLines(at);
    this.#append(this.#record("system", flag.gap, Buffer.from(JSON.stringify(note)), at), 0);
  }

  endLines(at: number): void {
    for (const stream of this.#open.keys()) this.#append(this.#record(stream, flag.join, Buffer.alloc(0), at), 0);
    this.#open.clear();
  }

  close(): void {
    if (this.#fd !== null) closeSync(this.#fd);
    this.#fd = null;
  }

  #record(stream: LogStream, flags: number, payload: Uint8Array, at: number): Buffer {
    const bytes = Buffer.allocUnsafe(frameBytes + payload.length);
    writeRecord(bytes, 0, { at, stream, flags, payload });
    return bytes;
  }

  #writeSlice(stream: LogStream, slice: Uint8Array, at: number): void {
    if (this.#size >= this.#options.segmentBytes) this.#rotate(at);
    const into = Buffer.allocUnsafe(slice.length + frameBytes * (countLines(slice) + 2 + Math.ceil(slice.length / 1024)));
    let end = 0;
    let from = 0;
    let openBytes = this.#open.get(stream)?.length;
    let openFrom = 0;
    while (from < slice.length) {
      const found = slice.indexOf(newline, from);
      const room = maxLineBytes - (openBytes ?? 0);
      let to = found === -1 ? slice.length : found;
      let next = found === -1 ? to : found + 1;
      let isOpen = found === -1;
      if (to - from > room) {
        to = next = characterStart(slice, from + room, from);
        isOpen = false;
      }
      const flags = (isOpen ? flag.open : 0) | (openBytes === undefined ? 0 : flag.join);
      end = writeRecord(into, end, { at, stream, flags, payload: slice.subarray(from, to) });
      openBytes = isOpen ? (openBytes ?? 0) + (to - from) : undefined;
      from = next;
      if (!isOpen) openFrom = from;
    }
    if (!this.#append(into.subarray(0, end), slice.length)) return;
    const before = openFrom === 0 ? this.#open.get(stream) : undefined;
    if (openBytes === undefined) this.#open.delete(stream);
    else this.#open.set(stream, Buffer.concat([...(before ? [before] : []), slice.subarray(openFrom)]));
  }

  /** True when the bytes are in the file. Otherwise `textBytes` are counted as dropped. */
  #append(bytes: Buffer, textBytes: number): boolean {
    try {
      if (this.#fd === null) this.#startSegment(this.#segment + 1);
      if (this.#droppedBytes > 0) {
        const note: GapNote = { bytes: this.#droppedBytes, reason: "the disk was full" };
        this.#put(this.#record("system", flag.gap, Buffer.from(JSON.stringify(note)), Date.now()));
        this.#droppedBytes = 0;
      }
      this.#put(bytes);
      return true;
    } catch {
      // Not passed over: the loss is counted here and told in the journal by the next append that succeeds.
      this.#droppedBytes += textBytes;
      this.#open.clear();
      return false;
    }
  }

  #put(bytes: Buffer): void {
    const fd = this.#fd!;
    const before = this.#size;
    try {
      for (let done = 0; done < bytes.length;) {
        const count = this.#options.writeBytes(fd, done === 0 ? bytes : bytes.subarray(done));
        done += count;
      }
      this.#size = before + bytes.length;
    } catch (error) {
      ftruncateSync(fd, before);
      throw error;
    }
  }

  #rotate(at: number): void {
    const before = { fd: this.#fd, size: this.#size, base: this.#base };
    try {
      this.#startSegment(this.#segment + 1, before.base + before.size);
      if (before.fd !== null) closeSync(before.fd);
    } catch {
      // The disk is full: go on with the segment that is open; its appends count what they drop.
      this.#fd = before.fd;
      this.#size = before.size;
      this.#base = before.base;
      return;
    }
    const { keepHead, keepTail, directory } = this.#options;
    for (const segment of listSegments(directory)) {
      if (segment > keepHead && segment <= this.#segment - keepTail) rmSync(join(directory, segmentName(segment)), { force: true });
    }
    // Chains do not cross segments: what is open is said again, and a reader forgets the pieces it had.
    for (const [stream, pieces] of this.#open) this.#append(this.#record(stream, flag.open, pieces, at), 0);
  }

  #startSegment(segment: number, base = 0): void {
    const path = join(this.#options.directory, segmentName(segment));
    const fd = openSync(path, "ax", 0o600);
    try {
      this.#options.writeBytes(fd, segmentHeader(base));
    } catch (error) {
      closeSync(fd);
      rmSync(path, { force: true });
      throw error;
    }
    this.#fd = fd;
    this.#segment = segment;
    this.#base = base;
    this.#size = segmentHeaderBytes;
  }

  /** Finds the end of the last whole record, cuts what was torn, and remembers which lines are open. */
  #resume(segment: number): void {
    const path = join(this.#options.directory, segmentName(segment));
    const fd = openSync(path, "r+");
    const size = fstatSync(fd).size;
    const bytes = Buffer.allocUnsafe(size);
    for (let done = 0; done < size;) {
      const count = readSync(fd, bytes, done, size - done, done);
      if (count === 0) break;
      done += count;
    }
    const base = baseOf(bytes);
    let end = base === null ? 0 : segmentHeaderBytes;
    for (;;) {
      const head = readRecord(bytes, end);
      if (!head) break;
      if (!head.isGap) {
        const pieces = this.#open.get(head.stream);
        const payload = bytes.subarray(end + headerBytes, end + headerBytes + head.length);
        if (head.isOpen) this.#open.set(head.stream, Buffer.concat([...(pieces ? [pieces] : []), payload]));
        else this.#open.delete(head.stream);
      }
      end += frameBytes + head.length;
    }
    if (base === null) ftruncateSync(fd, 0);
    else if (end < size) ftruncateSync(fd, end);
    closeSync(fd);
    this.#isTorn = end < size;
    this.#segment = segment;
    this.#base = base ?? 0;
    if (base === null) {
      rmSync(path, { force: true });
      this.#segment = segment - 1;
      return;
    }
    this.#fd = openSync(path, "a", 0o600);
    this.#size = end;
  }
}

function countLines(bytes: Uint8Array): number {
  let count = 0;
  for (let from = bytes.indexOf(newline); from !== -1; from = bytes.indexOf(newline, from + 1)) count++;
  return count;
}

/** The nearest place at or before `at` where a UTF-8 character starts, so that a cut line stays readable. */
function characterStart(bytes: Uint8Array, at: number, lowest: number): number {
  let place = at;
  while (place > lowest + 1 && place > at - 4 && (bytes[place]! & 0xc0) === 0x80) place--;
  return place > lowest ? place : at;
}
