/**
 * What may be in a tree that Norns unpacks, decided by names alone: pure, no file system. The rules, in one place for
 * `git archive`, for uploads and for directories without git: relative paths only, no `..`, no `.git`, no hard links, no
 * devices, no setuid, no name twice, nothing below a link, and no link whose end, followed through all other links of the
 * tree, lies outside.
 */
import { invalid, type NornsError } from "@norns/kernel/errors";

export interface TreeLimits {
  readonly entries: number;
  readonly bytes: number;
}

export const defaultTreeLimits: TreeLimits = { entries: 200_000, bytes: 4 * 1024 ** 3 };

export const sourceRefused = (what: string): NornsError => invalid("source_refused", `The source cannot be used: ${what}.`);

export type Entry =
  | { readonly kind: "directory"; readonly path: string }
  | { readonly kind: "file"; readonly path: string; readonly isExecutable: boolean }
  | { readonly kind: "link"; readonly path: string; readonly target: string };

/** Collects the entries of one tree in the order they come and refuses the first that breaks a rule. */
export function createTreeRules(limits: TreeLimits) {
  const files = new Set<string>();
  const directories = new Set<string>([""]);
  const links = new Map<string, string>();
  let entries = 0;
  let bytes = 0;

  function accept(header: { name: string; type: string; mode: number; size: number; linkname: string | null }): Entry | undefined {
    entries += 1;
    bytes += header.size;
    if (entries > limits.entries) throw sourceRefused(`it has more than ${limits.entries} files`);
    if (bytes > limits.bytes) throw sourceRefused(`it is larger than ${Math.round(limits.bytes / 1024 ** 2)} MB`);
    const path = safePath(header.name);
    if (path === undefined) return undefined;
    if (header.type === "directory") {
      if (path === "") return undefined;
      if (files.has(path) || links.has(path)) throw sourceRefused(`${quoted(path)} is in it twice`);
      addDirectories(path);
      return { kind: "directory", path };
    }
    if (path === "") throw sourceRefused("it has a file without a name");
    if (files.has(path) || links.has(path) || directories.has(path)) throw sourceRefused(`${quoted(path)} is in it twice`);
    addDirectories(path.slice(0, Math.max(0, path.lastIndexOf("/"))));
    if (header.type === "file" || header.type === "contiguous-file") {
      files.add(path);
      return { kind: "file", path, isExecutable: (header.mode & 0o111) !== 0 };
    }
    if (header.type === "symlink") {
      const target = header.linkname ?? "";
      if (target === "" || target.includes("\0") || target.length > 4095) throw sourceRefused(`the link ${quoted(path)} leads nowhere`);
      links.set(path, target);
      return { kind: "link", path, target };
    }
    throw sourceRefused(
      `${quoted(path)} is a ${header.type === "link" ? "hard link" : header.type.replaceAll("-", " ")}, and only files, directories and symbolic links are taken`,
    );
  }

  function addDirectories(path: string): void {
    for (let end = path.length; end > 0; end = path.lastIndexOf("/", end - 1)) {
      const parent = path.slice(0, end);
      if (links.has(parent) || files.has(parent)) throw sourceRefused(`something lies below ${quoted(parent)}, which is no directory`);
      if (directories.has(parent)) return;
      directories.add(parent);
    }
  }

  /** After the last entry: follows every link through all the others. */
  function checkLinks(): void {
    for (const path of links.keys()) if (!staysInside(path, links)) throw sourceRefused(`the link ${quoted(path)} leads out of the source`);
  }

  return { accept, checkLinks, links: links as ReadonlyMap<string, string> };
}

/** Undefined: quietly left out (`.git`). Throws for what no honest archive has. */
function safePath(name: string): string | undefined {
  if (name.includes("\0")) throw sourceRefused("a name has a zero byte");
  if (name.length > 4095) throw sourceRefused("a path is longer than 4095 characters");
  if (name.startsWith("/")) throw sourceRefused(`${quoted(name)} is an absolute path`);
  const parts = name.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..")) throw sourceRefused(`${quoted(name)} leads out of it`);
  if (parts.some((part) => Buffer.byteLength(part) > 255)) throw sourceRefused("a file name is longer than 255 bytes");
  if (parts.some((part) => part.toLowerCase() === ".git")) return undefined;
  return parts.join("/");
}

/**
 * Whether a link ends inside, walked as the kernel walks: component by component, each link on the way put in its place.
 * Comparing texts is not enough: with `a/up -> ..`, the text `a/up/../x` looks inside and is not. What does not exist is
 * inside (a dangling link harms nobody); more than 40 hops is a loop, which the kernel refuses too.
 */
export function staysInside(link: string, links: ReadonlyMap<string, string>): boolean {
  const at: string[] = link.split("/").slice(0, -1);
  const left = [link.slice(link.lastIndexOf("/") + 1)];
  for (let hops = 0; left.length > 0;) {
    const part = left.pop()!;
    if (part === "" || part === ".") continue;
    if (part === "..") {
      if (at.length === 0) return false;
      at.pop();
      continue;
    }
    const target = links.get([...at, part].join("/"));
    if (target === undefined) {
      at.push(part);
      continue;
    }
    if (target.startsWith("/")) return false;
    hops += 1;
    if (hops > 40) return true;
    left.push(...target.split("/").reverse());
  }
  return true;
}

const quoted = (path: string): string =>
  `"${(path.length > 120 ? `${path.slice(0, 120)}…` : path).replace(/[^\p{L}\p{N}\p{P}\p{S} ]/gu, "?")}"`;
