/** The directory that a build sees, as the tar that the daemon is sent. `.dockerignore` is the client's work by the protocol. */
import { createReadStream } from "node:fs";
import { lstat, opendir, readFile, readlink } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { type Pack, pack } from "tar-stream";

/** Answers at once; the stream fills as it is read, and breaks with what broke the walk. */
export function packContext(root: string, dockerfile: string, signal: AbortSignal): Readable {
  const tar = pack();
  fill(tar, root, dockerfile, signal).catch((thrown: unknown) =>
    tar.destroy(thrown instanceof Error ? thrown : new Error("the build context could not be read", { cause: thrown })),
  );
  return tar as unknown as Readable; // streamx's Readable is one in all that pipe() uses.
}

async function fill(tar: Pack, root: string, dockerfile: string, signal: AbortSignal): Promise<void> {
  const isIgnored = toIgnore(await readFile(join(root, ".dockerignore"), "utf8").catch(() => ""));
  // The daemon needs these two whatever the file says, and takes them out of the context itself.
  const isNeeded = (path: string): boolean => path === dockerfile || path === ".dockerignore";
  await addFolder(tar, root, "", (path) => !isNeeded(path) && isIgnored(path), signal);
  tar.finalize();
}

async function addFolder(
  tar: Pack,
  root: string,
  folder: string,
  isIgnored: (path: string) => boolean,
  signal: AbortSignal,
): Promise<void> {
  const names = [];
  for await (const child of await opendir(join(root, folder))) names.push(child.name);
  for (const name of names.sort()) {
    signal.throwIfAborted();
    const path = folder === "" ? name : `${folder}/${name}`;
    const stat = await lstat(join(root, path));
    const header = { name: path, mode: stat.mode & 0o777, mtime: new Date(0), uid: 0, gid: 0 };
    // An ignored folder may hold something that a later `!` line takes back in, so it is walked all the same.
    if (stat.isDirectory()) {
      if (!isIgnored(path)) await added((done) => tar.entry({ ...header, type: "directory" }, done));
      await addFolder(tar, root, path, isIgnored, signal);
    } else if (isIgnored(path)) {
      continue;
    } else if (stat.isSymbolicLink()) {
      const linkname = await readlink(join(root, path));
      await added((done) => tar.entry({ ...header, type: "symlink", linkname }, done));
    } else if (stat.isFile()) {
      const entry = tar.entry({ ...header, size: stat.size });
      const file = createReadStream(join(root, path), stat.size === 0 ? { end: 0 } : { end: stat.size - 1 });
      for await (const chunk of file as AsyncIterable<Buffer>)
        if (stat.size > 0 && !entry.write(chunk)) await new Promise<void>((resolve) => entry.once("drain", resolve));
      entry.end(null);
    }
  }
}

const added = (add: (done: (error?: Error | null) => void) => void): Promise<void> =>
  new Promise((resolve, reject) => add((error) => (error ? reject(error) : resolve())));

/** The rules of `.dockerignore`: one pattern a line, `*` `?` `[…]` within a name, `**` across, `!` takes back, the last match wins. */
export function toIgnore(text: string): (path: string) => boolean {
  const rules = text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => ({ isBack: line.startsWith("!"), pattern: toPattern(line.replace(/^!\s*/, "")) }));
  return (path) => {
    let ignored = false;
    for (const { isBack, pattern } of rules) if (pattern.test(path)) ignored = !isBack;
    return ignored;
  };
}

function toPattern(glob: string): RegExp {
  const clean = glob.replace(/^\.?\/+/, "").replace(/\/+$/, "");
  const source = clean.replace(/\*\*\/|\*\*|\*|\?|\[[^\]]*\]|[.+^${}()|\\]/g, (part) => {
    if (part === "**/") return "(?:.*/)?";
    if (part === "**") return ".*";
    if (part === "*") return "[^/]*";
    if (part === "?") return "[^/]";
    return part.startsWith("[") ? part.replaceAll("\\", "\\\\") : `\\${part}`;
  });
  // A pattern that matches a folder matches all that is in it.
  return new RegExp(`^${source}(?:/.*)?$`, "s");
}
