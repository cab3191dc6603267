/**
 * One bare mirror per origin under `<home>/mirrors`: what was ever deployed stays there under `refs/norns/keep/<commit>`,
 * so that a retry or a later check-out needs neither the branch, nor the network, nor the repository itself.
 */
import { createHash, randomBytes } from "node:crypto";
import { access, lstat, mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { invalid, type NornsError, notFound, quota } from "@norns/kernel/errors";
import type { Log } from "@norns/kernel/log";
import type { Connection, Origin } from "./connection.ts";
import { looksCorrupt, toSourceError } from "./failure.ts";
import { GitFailure, type GitOptions, type GitResult, runGit, tryGit } from "./git.ts";
import type { Locks } from "./lock.ts";
import { isFullCommit, isHex, nearestNames } from "./ref.ts";

export interface MirrorLimits {
  /** A whole download. */
  readonly fetchMs: number;
  /** A server that sends nothing. */
  readonly silenceMs: number;
  /** Of one mirror on disk. */
  readonly mirrorBytes: number;
}

export interface MirrorDeps {
  readonly root: string;
  readonly git: GitOptions;
  readonly limits: MirrorLimits;
  readonly locks: Locks;
  readonly log: Log;
  readonly connect: (origin: Origin, signal: AbortSignal) => Promise<Connection>;
}

export interface FoundCommit {
  readonly commit: string;
  readonly subject: string;
}

/** Beats the tree's own .gitattributes, so that a check-out is the tree byte for byte: nothing left out, nothing replaced. */
const attributes = "* -export-ignore -export-subst -text -eol -crlf -ident -filter -working-tree-encoding\n";

export function createMirrors(deps: MirrorDeps) {
  const { limits } = deps;

  const keyOf = (origin: Origin): string =>
    createHash("sha256")
      .update(origin.kind === "remote" ? origin.remote.url : `directory:${origin.path}`)
      .digest("hex")
      .slice(0, 40);
  const shownOf = (origin: Origin): string => (origin.kind === "remote" ? origin.remote.shown : "the app's directory");

  async function withMirror<T>(origin: Origin, signal: AbortSignal, work: (mirror: string) => Promise<T>): Promise<T> {
    await mkdir(deps.root, { recursive: true, mode: 0o700 });
    const mirror = join(deps.root, `${keyOf(origin)}.git`);
    return deps.locks(`${mirror}.lock`, signal, async () => {
      await ensureMirror(mirror, signal);
      return work(mirror);
    });
  }

  async function ensureMirror(mirror: string, signal: AbortSignal): Promise<void> {
    if (await exists(join(mirror, "norns-ready"))) return;
    const draft = `${mirror}.${randomBytes(6).toString("hex")}`;
    await runGit(deps.git, { args: ["init", "--quiet", "--bare", "--template=", "--", draft], signal, timeoutMs: 30_000 });
    await mkdir(join(draft, "info"), { recursive: true });
    await writeFile(join(draft, "info", "attributes"), attributes);
    await writeFile(join(draft, "norns-ready"), "");
    await rm(mirror, { recursive: true, force: true });
    await rename(draft, mirror);
  }

  const inMirror = (mirror: string, args: readonly string[], signal: AbortSignal, timeoutMs = 60_000): Promise<GitResult> =>
    tryGit(deps.git, { args: [`--git-dir=${mirror}`, ...args], signal, timeoutMs });

  /** `undefined`: the other side has no such ref. */
  async function fetchRefs(
    origin: Origin,
    mirror: string,
    refspecs: readonly string[],
    signal: AbortSignal,
  ): Promise<"fetched" | "no_such_ref"> {
    const connection = await deps.connect(origin, signal);
    const result = await tryGit(deps.git, {
      args: [
        ...connection.config,
        "-c",
        "fetch.unpackLimit=1",
        "-c",
        "transfer.unpackLimit=1",
        `--git-dir=${mirror}`,
        "fetch",
        "--progress",
        "--prune",
        "--no-tags",
        "--force",
        "--no-write-fetch-head",
        "--no-auto-maintenance",
        "--no-recurse-submodules",
        "--",
        connection.url,
        ...refspecs,
      ],
      env: connection.env,
      secrets: connection.secrets,
      signal,
      timeoutMs: limits.fetchMs,
      silenceMs: limits.silenceMs,
      check: async () => ((await packBytes(mirror)) > limits.mirrorBytes ? tooLarge(shownOf(origin), limits.mirrorBytes) : undefined),
    });
    if (result.exitCode === 0) return "fetched";
    if (/couldn't find remote ref|not our ref|unadvertised object|no such remote ref/i.test(result.stderr)) return "no_such_ref";
    const failure = new GitFailure(["fetch"], result);
    if (looksCorrupt(failure) && !(await isSound(mirror, signal))) throw failure;
    throw toSourceError(
      failure,
      shownOf(origin),
      connection.secrets.length > 0 || (origin.kind === "remote" && origin.remote.protocol === "ssh") ? "sent" : "none",
    );
  }

  async function isSound(mirror: string, signal: AbortSignal): Promise<boolean> {
    const result = await inMirror(mirror, ["fsck", "--connectivity-only", "--no-dangling", "--no-progress"], signal, limits.fetchMs);
    return result.exitCode === 0;
  }

  /** Runs `work`; when the mirror turns out broken, makes it anew and runs once more. What was there comes back if that fails. */
  async function healing<T>(origin: Origin, mirror: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (thrown) {
      if (!(thrown instanceof GitFailure)) throw thrown;
      if (await isSound(mirror, signal)) throw toSourceError(thrown, shownOf(origin), "none");
      deps.log.warn({ mirror: keyOf(origin), reason: thrown.result.stderr.slice(0, 500) }, "a mirror is damaged and is made anew");
      const aside = `${mirror}.damaged`;
      await rm(aside, { recursive: true, force: true });
      await rename(mirror, aside);
      try {
        await ensureMirror(mirror, signal);
        const result = await work();
        await rm(aside, { recursive: true, force: true });
        return result;
      } catch (second) {
        await rm(mirror, { recursive: true, force: true });
        await rename(aside, mirror);
        throw second instanceof GitFailure ? toSourceError(second, shownOf(origin), "none") : second;
      }
    }
  }

  /** The commit that a name, tag or digits mean now. `branch` is what HEAD means at a remote. */
  async function find(origin: Origin, branch: string, ref: string, signal: AbortSignal): Promise<FoundCommit> {
    return withMirror(origin, signal, (mirror) =>
      healing(origin, mirror, signal, async () => {
        const commit = isFullCommit(ref) && (await hasCommit(mirror, ref, signal)) ? ref : await look(origin, mirror, branch, ref, signal);
        await must(mirror, ["update-ref", `refs/norns/keep/${commit}`, commit], signal);
        const subject = await must(mirror, ["log", "-1", "--format=%s", commit, "--"], signal);
        return { commit, subject: subject.trim().slice(0, 500) };
      }),
    );
  }

  async function look(origin: Origin, mirror: string, branch: string, ref: string, signal: AbortSignal): Promise<string> {
    const isOther = ref.startsWith("refs/") && !ref.startsWith("refs/heads/") && !ref.startsWith("refs/tags/");
    const refspecs = ["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"];
    await fetchRefs(origin, mirror, refspecs, signal);
    if (ref === "HEAD" && origin.kind === "directory") {
      if ((await fetchRefs(origin, mirror, ["+HEAD:refs/norns/head"], signal)) === "no_such_ref") {
        throw notFound("ref_not_found", "The app's directory has a git repository without a commit. Commit something first.");
      }
      return (await peeled(mirror, "refs/norns/head", signal))!;
    }
    if (ref === "HEAD") return (await peeled(mirror, `refs/heads/${branch}`, signal)) ?? (await missing(origin, mirror, branch, signal));
    if (ref.startsWith("refs/")) {
      if (isOther && (await fetchRefs(origin, mirror, [`+${ref}:${ref}`], signal)) === "no_such_ref")
        return missing(origin, mirror, ref, signal);
      return (await peeled(mirror, ref, signal)) ?? (await missing(origin, mirror, ref, signal));
    }
    const found = new Map<string, string>();
    const note = (what: string, commit: string | undefined): void => void (commit !== undefined && found.set(what, commit));
    if (isFullCommit(ref.toLowerCase())) {
      // A whole commit id means that commit, whatever a branch of the same forty digits says.
      if (!(await hasCommit(mirror, ref.toLowerCase(), signal))) await fetchRefs(origin, mirror, [ref.toLowerCase()], signal);
      if (await hasCommit(mirror, ref.toLowerCase(), signal)) return ref.toLowerCase();
    }
    note("the branch", await peeled(mirror, `refs/heads/${ref}`, signal));
    note("the tag", await peeled(mirror, `refs/tags/${ref}`, signal));
    if (isHex(ref))
      for (const commit of await commitsWith(mirror, ref.toLowerCase(), signal)) note(`the commit ${commit.slice(0, 12)}`, commit);
    const commits = new Set(found.values());
    if (commits.size === 0) return missing(origin, mirror, ref, signal);
    if (commits.size > 1) {
      throw invalid(
        "ref_ambiguous",
        `"${ref}" means several commits: ${[...found].map(([what, commit]) => `${what} is ${commit.slice(0, 12)}`).join(", ")}. Say refs/heads/${ref}, refs/tags/${ref} or the whole commit.`,
        { details: { ref, commits: [...commits] } },
      );
    }
    return [...commits][0]!;
  }

  /** The commit behind exactly this ref; git's own guessing (`refs/tags/refs/heads/x`) has no part in it. */
  async function peeled(mirror: string, ref: string, signal: AbortSignal): Promise<string | undefined> {
    const shown = await inMirror(mirror, ["show-ref", "--verify", "--hash", "--", ref], signal);
    if (shown.exitCode !== 0) return undefined;
    const commit = await inMirror(
      mirror,
      ["rev-parse", "--verify", "--quiet", "--end-of-options", `${shown.stdout.trim()}^{commit}`],
      signal,
    );
    if (commit.exitCode === 0) return commit.stdout.trim();
    if (!(await isSound(mirror, signal))) throw new GitFailure(["rev-parse"], commit);
    throw invalid("ref_invalid", `${ref} leads to something that is no commit.`);
  }

  async function hasCommit(mirror: string, commit: string, signal: AbortSignal): Promise<boolean> {
    return (await inMirror(mirror, ["cat-file", "-e", `${commit}^{commit}`], signal)).exitCode === 0;
  }

  async function commitsWith(mirror: string, digits: string, signal: AbortSignal): Promise<readonly string[]> {
    const objects = (await must(mirror, ["rev-parse", `--disambiguate=${digits}`], signal)).split("\n").filter(Boolean).slice(0, 100);
    const commits = [];
    for (const object of objects) if ((await must(mirror, ["cat-file", "-t", object], signal)).trim() === "commit") commits.push(object);
    return commits;
  }

  async function missing(origin: Origin, mirror: string, ref: string, signal: AbortSignal): Promise<never> {
    const names = (await must(mirror, ["for-each-ref", "--format=%(refname:strip=2)", "refs/heads", "refs/tags"], signal))
      .split("\n")
      .filter(Boolean);
    const near = nearestNames(ref.replace(/^refs\/(heads|tags)\//, ""), names);
    const hint =
      near.length > 0
        ? ` Near it: ${near.join(", ")}.`
        : names.length === 0
          ? " The repository is empty."
          : ` It has ${names.slice(0, 3).join(", ")}${names.length > 3 ? " …" : ""}.`;
    throw notFound("ref_not_found", `There is no branch, tag or commit "${ref}" in ${shownOf(origin)}.${hint}`, { details: { ref, near } });
  }

  async function must(mirror: string, args: readonly string[], signal: AbortSignal): Promise<string> {
    const result = await inMirror(mirror, args, signal);
    if (result.exitCode !== 0) throw new GitFailure(args, result);
    return result.stdout;
  }

  /** The tree of a commit as a tar, from the mirror; fetched again only when the mirror lost it. */
  async function readTree(origin: Origin, commit: string, signal: AbortSignal, read: (tar: Readable) => Promise<void>): Promise<void> {
    await withMirror(origin, signal, (mirror) =>
      healing(origin, mirror, signal, async () => {
        if (!(await hasCommit(mirror, commit, signal))) {
          await fetchRefs(origin, mirror, ["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"], signal);
          if (!(await hasCommit(mirror, commit, signal))) await fetchRefs(origin, mirror, [commit], signal);
          if (!(await hasCommit(mirror, commit, signal)))
            throw notFound("ref_not_found", `The commit ${commit.slice(0, 12)} is no longer in ${shownOf(origin)}.`);
          await must(mirror, ["update-ref", `refs/norns/keep/${commit}`, commit], signal);
        }
        await runGit(deps.git, {
          args: [`--git-dir=${mirror}`, "archive", "--format=tar", commit],
          signal,
          timeoutMs: limits.fetchMs,
          read,
        });
      }),
    );
  }

  /** Whether a directory's files differ from its commit, judged by our mirror's configuration and not by its own. */
  async function isDirty(path: string, commit: string, signal: AbortSignal): Promise<boolean> {
    return withMirror({ kind: "directory", path }, signal, async (mirror) => {
      const index = join(mirror, `index-${randomBytes(6).toString("hex")}`);
      const run = async (args: readonly string[]): Promise<string> => {
        const all = [
          "-c",
          "core.bare=false",
          "-c",
          `core.excludesFile=${join(path, ".git/info/exclude")}`,
          `--git-dir=${mirror}`,
          `--work-tree=${path}`,
          ...args,
        ];
        return (await runGit(deps.git, { args: all, env: { GIT_INDEX_FILE: index }, signal, timeoutMs: 120_000 })).stdout;
      };
      try {
        await run(["read-tree", commit]);
        const status = await run(["status", "--porcelain=v1", "--no-renames", "--untracked-files=normal", "--ignore-submodules=all", "-z"]);
        // `XY path`: X compares with the mirror's own HEAD, which means nothing here; Y is the directory against the commit.
        return status.split("\0").some((line) => line !== "" && line[1] !== " ");
      } finally {
        await rm(index, { force: true });
      }
    });
  }

  return { find, readTree, isDirty };
}

const tooLarge = (shown: string, bytes: number): NornsError =>
  quota(
    "repository_too_large",
    `${shown} is larger than ${Math.round(bytes / 1024 ** 2)} MB, the most that Norns keeps of one repository.`,
  );

async function packBytes(mirror: string): Promise<number> {
  const packs = join(mirror, "objects", "pack");
  let sum = 0;
  for (const name of await readdir(packs).catch(() => [])) sum += (await lstat(join(packs, name)).catch(() => undefined))?.size ?? 0;
  return sum;
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
