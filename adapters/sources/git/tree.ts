/**
 * Between a tar stream and a directory, by the rules of `tree-entries.ts`. Links are made last, when every file is
 * written, so no write can travel through one; every file is opened with "must not exist".
 */
import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { mkdir, open, opendir, readlink, symlink } from "node:fs/promises";
import type { Readable } from "node:stream";
import { dirname, join } from "node:path";
import { extract, type Pack, pack } from "tar-stream";
import { NornsError } from "@norns/kernel/errors";
import { createTreeRules, type Entry, sourceRefused, type TreeLimits } from "./tree-entries.ts";

type Body = AsyncIterable<Uint8Array>;

/** Reads a tar to its end; `take` gets each entry that the rules let through and reads its body, or not. */
export async function readTar(body: Body, limits: TreeLimits, signal: AbortSignal, take: (entry: Entry, body: Body) => Promise<void>) {
  const rules = createTreeRules(limits);
  const parser = extract();
  const feeding = feed(body, parser, signal);
  // Awaited below; until then a failure must not count as unhandled.
  feeding.catch(() => {});
  try {
    for await (const part of parser) {
      signal.throwIfAborted();
      const header = part.header;
      const entry = rules.accept({
        name: header.name,
        type: header.type ?? "unknown",
        mode: header.mode ?? 0o644,
        size: header.size ?? 0,
        linkname: header.linkname ?? null,
      });
      if (entry !== undefined) await take(entry, part as unknown as Body);
      // Unread bodies must flow, or the next entry never comes.
      part.resume();
    }
    await feeding;
  } catch (thrown) {
    parser.destroy();
    signal.throwIfAborted();
    // The feeder knows better why the stream broke than the parser that saw it end early.
    await feeding.catch((cause: unknown) => {
      if (cause instanceof Error && cause !== thrown) throw asRefusal(cause);
    });
    throw asRefusal(thrown);
  }
  rules.checkLinks();
  return rules.links;
}

const asRefusal = (thrown: unknown): unknown => {
  if (!(thrown instanceof Error) || thrown instanceof NornsError || "syscall" in thrown) return thrown;
  if (/tar header|Unexpected end of data|Invalid header|exceeds max size/i.test(thrown.message))
    return sourceRefused("it is not a whole tar archive");
  return thrown;
};

async function feed(body: Body, parser: ReturnType<typeof extract>, signal: AbortSignal): Promise<void> {
  try {
    for await (const chunk of body) {
      signal.throwIfAborted();
      if (parser.destroyed) return;
      if (!parser.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength))) await drained(parser);
    }
    parser.end(null);
  } catch (thrown) {
    parser.destroy(thrown instanceof Error ? thrown : new Error("the archive could not be read", { cause: thrown }));
    throw thrown;
  }
}

/** Until the parser takes more, or is gone. */
function drained(parser: ReturnType<typeof extract>): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      parser.off("drain", done);
      parser.off("close", done);
      resolve();
    };
    parser.on("drain", done);
    parser.on("close", done);
  });
}

/** Writes a tar's tree into `target`, an empty directory that nobody else writes to. */
export async function writeTree(body: Body, target: string, limits: TreeLimits, signal: AbortSignal): Promise<void> {
  const made = new Set<string>([""]);
  const ensureDirectory = async (path: string): Promise<void> => {
    if (made.has(path)) return;
    await mkdir(join(target, path), { recursive: true, mode: 0o755 });
    made.add(path);
  };
  const links = await readTar(body, limits, signal, async (entry, content) => {
    if (entry.kind === "directory") return ensureDirectory(entry.path);
    if (entry.kind === "link") return;
    const parent = dirname(entry.path);
    await ensureDirectory(parent === "." ? "" : parent);
    const file = await open(join(target, entry.path), "wx", entry.isExecutable ? 0o755 : 0o644);
    try {
      for await (const chunk of content) await file.writeFile(chunk);
    } finally {
      await file.close();
    }
  });
  for (const [path, to] of links) {
    const parent = dirname(path);
    await ensureDirectory(parent === "." ? "" : parent);
    await symlink(to, join(target, path));
  }
}

/**
 * Reads a directory as it is now, in one fixed order, into a tar with fixed times and owners: the same content gives the
 * same bytes and the same hash anywhere. `.git` is left out; a link that leaves the directory is refused.
 */
export async function packDirectory(
  root: string,
  limits: TreeLimits,
  signal: AbortSignal,
  write: (tar: Readable) => Promise<void>,
): Promise<string> {
  const tar = pack();
  const hash = createHash("sha256");
  const rules = createTreeRules(limits);
  const writing = write(tar as unknown as Readable);
  writing.catch(() => {});
  try {
    await packFolder(tar, root, "", signal, rules, (text) => hash.update(text));
    rules.checkLinks();
    tar.finalize();
    await writing;
  } catch (thrown) {
    tar.destroy(thrown instanceof Error ? thrown : new Error("the directory could not be read", { cause: thrown }));
    await writing.catch(() => {});
    throw thrown;
  }
  return hash.digest("hex").slice(0, 40);
}

async function packFolder(
  tar: Pack,
  root: string,
  folder: string,
  signal: AbortSignal,
  rules: ReturnType<typeof createTreeRules>,
  note: (text: string | Uint8Array) => void,
): Promise<void> {
  const children = [];
  for await (const child of await opendir(join(root, folder))) children.push(child);
  // By bytes, not by the machine's language.
  children.sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)));
  for (const child of children) {
    signal.throwIfAborted();
    const path = folder === "" ? child.name : `${folder}/${child.name}`;
    if (child.isDirectory()) {
      if (rules.accept({ name: path, type: "directory", mode: 0o755, size: 0, linkname: null }) === undefined) continue;
      note(`directory\0${path}\0`);
      await added((done) => tar.entry({ ...plain, name: path, type: "directory", mode: 0o755 }, done));
      await packFolder(tar, root, path, signal, rules, note);
    } else if (child.isSymbolicLink()) {
      const linkname = await readlink(join(root, path));
      if (rules.accept({ name: path, type: "symlink", mode: 0o777, size: 0, linkname }) === undefined) continue;
      note(`link\0${path}\0${linkname}\0`);
      await added((done) => tar.entry({ ...plain, name: path, type: "symlink", linkname, mode: 0o777 }, done));
    } else if (child.isFile()) {
      await packFile(tar, root, path, rules, note);
    } else {
      rules.accept({ name: path, type: "special file", mode: 0, size: 0, linkname: null });
    }
  }
}

const plain = { uid: 0, gid: 0, mtime: new Date(0) } as const;

async function packFile(
  tar: Pack,
  root: string,
  path: string,
  rules: ReturnType<typeof createTreeRules>,
  note: (text: string | Uint8Array) => void,
) {
  // Not through a link put there since the listing, and never stuck on a pipe.
  const file = await open(join(root, path), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const { size, mode } = await file.stat();
    const isExecutable = (mode & 0o111) !== 0;
    if (rules.accept({ name: path, type: "file", mode, size, linkname: null }) === undefined) return;
    note(`file\0${path}\0${isExecutable ? "x" : "-"}\0${size}\0`);
    const entry = tar.entry({ ...plain, name: path, size, mode: isExecutable ? 0o755 : 0o644 });
    let left = size;
    const chunk = Buffer.allocUnsafe(64 * 1024);
    while (left > 0) {
      const { bytesRead } = await file.read(chunk, 0, Math.min(chunk.length, left));
      if (bytesRead === 0) throw sourceRefused(`"${path}" became shorter while it was read`);
      left -= bytesRead;
      const piece = Buffer.from(chunk.subarray(0, bytesRead));
      note(piece);
      if (!entry.write(piece)) await new Promise<void>((resolve) => entry.once("drain", resolve));
    }
    entry.end(null);
  } finally {
    await file.close();
  }
}

const added = (add: (done: (error?: Error | null) => void) => void): Promise<void> =>
  new Promise((resolve, reject) => add((error) => (error ? reject(error) : resolve())));
