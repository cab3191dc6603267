/**
 * The `Sources` port over git, directories and uploads. A source is found once (`resolve`) and from then on named by its
 * commit; what was found is kept here, so a check-out asks the outside only for what was lost.
 */
import { lstat, mkdir, realpath, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Outbound } from "@norns/adapters/outbound";
import type { ResolvedSource, SourceLocation, Sources } from "@norns/adapters/sources";
import type { Clock } from "@norns/kernel/clock";
import { invalid, notFound } from "@norns/kernel/errors";
import type { AppName } from "@norns/kernel/ids";
import type { Log } from "@norns/kernel/log";
import { createArchives } from "./archives.ts";
import { createConnector, type Credentials, type Origin, prepareGitHome } from "./connection.ts";
import type { GitOptions } from "./git.ts";
import { toRemote } from "./location.ts";
import { createLocks } from "./lock.ts";
import { createMirrors, type MirrorLimits } from "./mirror.ts";
import { checkRef } from "./ref.ts";
import { writeTree } from "./tree.ts";
import { defaultTreeLimits, type TreeLimits } from "./tree-entries.ts";

export interface SourcesOptions extends Credentials {
  /** NORNS_HOME. Mirrors, archives and git's own empty home lie below it, closed to others. */
  readonly home: string;
  readonly outbound: Outbound;
  readonly log: Log;
  readonly clock: Clock;
  readonly limits?: Partial<MirrorLimits & TreeLimits>;
  /** Where git and ssh are looked for; the system's directories when absent. */
  readonly path?: string;
}

const systemPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/**
 *     const sources = createSources({ home, outbound, log, clock });
 *     const source = await sources.resolve(app, { kind: "git", url, branch: "main" }, "HEAD", signal);
 *     await sources.checkOut(app, source, "/var/lib/norns/work/op_…/source", signal);
 */
export function createSources(options: SourcesOptions): Sources {
  const limits = { fetchMs: 15 * 60_000, silenceMs: 60_000, mirrorBytes: 8 * 1024 ** 3, ...defaultTreeLimits, ...options.limits };
  const gitHome = join(options.home, "git");
  const git: GitOptions = { home: gitHome, path: options.path ?? systemPath };
  const connect = createConnector({ home: gitHome, outbound: options.outbound, credentials: options });
  const mirrors = createMirrors({
    root: join(options.home, "mirrors"),
    git,
    limits,
    locks: createLocks(options.clock),
    log: options.log,
    connect,
  });
  const archives = createArchives({ root: join(options.home, "archives"), limits });
  let prepared: Promise<void> | undefined;
  const prepare = (): Promise<void> => (prepared ??= prepareGitHome(gitHome));

  async function resolve(app: AppName, location: SourceLocation, ref: string, signal: AbortSignal): Promise<ResolvedSource> {
    checkRef(ref);
    await prepare();
    if (location.kind === "archive") {
      if (ref !== "HEAD" && ref !== location.commit)
        throw invalid(
          "ref_invalid",
          "An app that was sent as an archive has one commit. Deploy it without a ref, or send the other commit.",
        );
      if (!(await archives.has(app, location.id)))
        throw notFound("source_not_found", `The source that was sent for ${app} is no longer kept. Deploy it again from its directory.`);
      return { location, ref, commit: location.commit, isDirty: false };
    }
    if (location.kind === "git") {
      const origin: Origin = { kind: "remote", remote: toRemote(location.url) };
      checkRef(`refs/heads/${location.branch}`);
      return { location, ref, ...(await mirrors.find(origin, location.branch, ref, signal)), isDirty: false };
    }
    const path = await directoryAt(location.path);
    if (await hasOwnGit(path)) {
      const found = await mirrors.find({ kind: "directory", path }, "", ref, signal);
      return { location, ref, ...found, isDirty: await mirrors.isDirty(path, found.commit, signal) };
    }
    if (ref !== "HEAD")
      throw invalid(
        "ref_invalid",
        `The directory of ${app} is not a git repository, so it has no "${ref}". Deploy it without a ref, or run git init there.`,
      );
    return { location, ref, commit: `content-${await archives.keepDirectory(app, path, signal)}`, isDirty: false };
  }

  async function checkOut(app: AppName, source: ResolvedSource, target: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    await prepare();
    const content = /^content-([0-9a-f]{40})$/.exec(source.commit)?.[1];
    if (content === undefined && !/^[0-9a-f]{40}$/.test(source.commit)) throw invalid("source_invalid", "That source has no commit.");
    const { location } = source;
    const write = async (tar: AsyncIterable<Uint8Array>): Promise<void> => {
      // What a try before this one left half done must not show through.
      await rm(target, { recursive: true, force: true });
      await mkdir(target, { recursive: true, mode: 0o755 });
      await writeTree(tar, target, limits, signal);
    };
    if (location.kind === "archive") return write(await archives.openArchive(app, location.id));
    if (content !== undefined) return write(await archives.openArchive(app, content));
    const origin: Origin =
      location.kind === "git"
        ? { kind: "remote", remote: toRemote(location.url) }
        : { kind: "directory", path: await realpath(location.path).catch(() => location.path) };
    await mirrors.readTree(origin, source.commit, signal, write);
  }

  async function keepArchive(
    app: AppName,
    commit: string,
    body: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<SourceLocation & { kind: "archive" }> {
    if (!/^([0-9a-f]{40}|content-[0-9a-f]{40})$/.test(commit))
      throw invalid("source_invalid", "The commit of an archive is 40 hex digits.");
    return { kind: "archive", id: await archives.keepUpload(app, commit, body, signal), commit };
  }

  return { resolve, checkOut, keepArchive };
}

async function directoryAt(path: string): Promise<string> {
  const real = await realpath(path).catch(() => undefined);
  if (real === undefined || !(await lstat(real)).isDirectory())
    throw notFound("source_not_found", "The app's directory is no longer there.");
  return real;
}

/** A `.git` of its own. An app in a corner of a larger repository is taken by content: the larger one's HEAD is not its own. */
const hasOwnGit = (path: string): Promise<boolean> =>
  lstat(join(path, ".git")).then(
    () => true,
    () => false,
  );
