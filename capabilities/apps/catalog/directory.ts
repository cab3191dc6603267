/**
 * Reads the apps directory: its direct sub-directories that have an infraspec.yaml. Whoever may write there may write
 * anything, so links that lead outside are not followed, only regular files are read, and no more of them than a spec
 * may be long.
 */
import { constants } from "node:fs";
import { open, readdir, realpath } from "node:fs/promises";
import { join, sep } from "node:path";
import { maxBytes } from "./infraspec/yaml-text.ts";

export const specFile = "infraspec.yaml";

export interface FoundSpec {
  /** The sub-directory's name. */
  readonly folder: string;
  /** Its absolute path. */
  readonly directory: string;
  /** The file's text, cut a little above the size that a spec may have. */
  readonly text: string;
}

export interface Listing {
  readonly found: readonly FoundSpec[];
  /** Folders that were left out, and why: for the log. */
  readonly refused: readonly { readonly folder: string; readonly why: string }[];
}

/** More sub-directories than this are not looked at: the directory is then surely not one of apps. */
const mostFolders = 5000;

/** Undefined when the directory itself cannot be read: nothing may be concluded from that about its apps. */
export async function listSpecs(appsDir: string, signal?: AbortSignal): Promise<Listing | undefined> {
  let root: string;
  let names: string[];
  try {
    root = await realpath(appsDir);
    const entries = await readdir(root, { withFileTypes: true });
    names = entries.filter((entry) => entry.isDirectory() || entry.isSymbolicLink()).map((entry) => entry.name);
  } catch (error) {
    if (isAbsence(error)) return undefined;
    throw error;
  }
  const found: FoundSpec[] = [];
  const refused: { folder: string; why: string }[] = [];
  for (const folder of names.toSorted().slice(0, mostFolders)) {
    signal?.throwIfAborted();
    const read = await readSpec(root, folder);
    if (read === undefined) continue;
    if ("why" in read) refused.push({ folder, why: read.why });
    else found.push({ folder, directory: read.directory, text: read.text });
  }
  return { found, refused };
}

async function readSpec(root: string, folder: string): Promise<{ directory: string; text: string } | { why: string } | undefined> {
  try {
    const real = await realpath(join(root, folder, specFile));
    const directory = await realpath(join(root, folder));
    if (!directory.startsWith(root + sep)) return { why: "it is a link that leads out of the apps directory" };
    if (!real.startsWith(directory + sep)) return { why: `its ${specFile} is a link that leads out of it` };
    // NONBLOCK: opening a pipe must not wait for somebody to write into it.
    await using file = await open(real, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
    if (!(await file.stat()).isFile()) return { why: `its ${specFile} is not a regular file` };
    const buffer = Buffer.alloc(maxBytes + 1);
    let length = 0;
    for (;;) {
      const { bytesRead } = await file.read(buffer, length, buffer.length - length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    return { directory, text: storable(buffer.toString("utf8", 0, length)) };
  } catch (error) {
    if (isAbsence(error)) return undefined;
    if (codeOf(error) === "EACCES" || codeOf(error) === "EPERM") return { why: "Norns may not read it" };
    if (codeOf(error) === "ELOOP") return { why: "its links lead in a circle" };
    throw error;
  }
}

/** Databases take no NUL in a text. Another control character in its place is refused by the same rules. */
const storable = (text: string): string => text.replaceAll("\0", "\u0001");

const codeOf = (error: unknown): string | undefined => (error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined);
const isAbsence = (error: unknown): boolean => ["ENOENT", "ENOTDIR"].includes(codeOf(error) ?? "");
