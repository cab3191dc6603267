/**
 * Makes a release: source copied, the user's command run in it inside the sandbox, then sealed (read-only, and not the
 * app's own) and put in its place by one rename. What is in its place is finished; a half-made one has another name.
 */
import { randomBytes } from "node:crypto";
import { execFile } from "node:child_process";
import { readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { invalid, unavailable } from "@norns/kernel/errors";
import type { AppName, ReleaseId } from "@norns/kernel/ids";
import type { Artifact } from "../workload.ts";
import { copyTree, type CopyLimits } from "./copy-tree.ts";
import { ensurePassage } from "./directories.ts";
import { isOwnerAlive, ownMark } from "./job.ts";
import type { Paths } from "./paths.ts";
import { systemPath } from "./isolation.ts";

const run = promisify(execFile);

export interface MakeRelease {
  readonly paths: Paths;
  readonly app: AppName;
  readonly release: ReleaseId;
  readonly source: string;
  readonly limits: CopyLimits;
  /** Whose the files are while they are built, and whose group may read them afterwards; absent when we are not root. */
  readonly uids?: { readonly run: number; readonly build: number };
  /** Runs the user's command in this directory; resolves with its exit code. Absent: nothing to run. */
  readonly build?: (directory: string) => Promise<{ exitCode: number }>;
  readonly command?: string;
  readonly signal: AbortSignal;
}

export async function makeRelease(request: MakeRelease): Promise<Artifact> {
  const { paths, app, release, uids } = request;
  const path = paths.release(app, release);
  const artifact: Artifact = { kind: "directory", path };
  if (await exists(path)) return artifact;
  await ensurePassage(paths.releases());
  await ensurePassage(paths.releases(app));
  const making = join(paths.releases(app), `.building-${release}.${ownMark()}.${randomBytes(4).toString("hex")}`);
  await removeTree(making);
  try {
    await copyTree(request.source, making, { limits: request.limits, signal: request.signal, ...(uids ? { owner: uids.build } : {}) });
    if (request.build) {
      const { exitCode } = await request.build(making);
      if (exitCode !== 0) {
        throw invalid("command_failed", `The build command ended with exit code ${exitCode}. Its output says why.`, {
          details: { exitCode, ...(request.command === undefined ? {} : { command: request.command }) },
        });
      }
    }
    request.signal.throwIfAborted();
    await seal(making, uids);
    await rename(making, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error; // Else: somebody else made it meanwhile.
    });
    return artifact;
  } finally {
    await removeTree(making);
  }
}

/** Nobody may write it, set-uid bits are gone, only the app's group may read it. Every process of the build is dead. */
async function seal(directory: string, uids: MakeRelease["uids"]): Promise<void> {
  const act = (program: string, args: readonly string[]) =>
    run(program, args, { env: { PATH: systemPath }, cwd: "/", maxBuffer: 1024 * 1024 }).catch((cause: unknown) => {
      throw unavailable("release_not_sealed", `The release could not be made read-only: ${program} failed.`, { cause });
    });
  if (uids) {
    // A hard link to somebody else's file would be given away with the rest.
    const { stdout } = await act("find", [directory, "-not", "-uid", String(uids.build), "-print", "-quit"]);
    if (stdout !== "")
      throw invalid(
        "release_invalid",
        "The build left files in the release that belong to another user. Have it copy them instead of linking them.",
      );
    await act("chown", ["-R", "-h", `0:${uids.run}`, directory]);
  }
  await act("chmod", ["-R", "ug-s,u-w,g=u,o=", directory]);
}

export async function removeTree(path: string): Promise<void> {
  if (!(await exists(path))) return;
  // Sealed directories refuse even their owner to remove what is in them; root needs no leave.
  if (process.getuid?.() !== 0) await run("chmod", ["-R", "u+rwX", path], { env: { PATH: systemPath } });
  await rm(path, { recursive: true, force: true });
}

/** Half-made releases of servers that are gone. */
export async function removeAbandonedBuilds(paths: Paths): Promise<void> {
  for (const app of await namesIn(paths.releases())) {
    for (const name of await namesIn(join(paths.releases(), app))) {
      const owner = /^\.building-[a-z0-9_]+\.(.+)$/.exec(name)?.[1];
      if (owner && !isOwnerAlive(owner)) await removeTree(join(paths.releases(), app, name));
    }
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return false;
      throw error;
    },
  );
}

async function namesIn(directory: string): Promise<string[]> {
  return readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
}
