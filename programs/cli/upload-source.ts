/** Sends the commit of a directory to the server: `git archive`, never the working tree. */
import { toPath } from "@norns/client";
import { openArchive } from "./archive.ts";
import { usageError, CommandError, exitCodes } from "./exit.ts";
import { isSuccess, readText, refusal } from "./http.ts";
import type { Session } from "./session.ts";
import { plain } from "./terminal.ts";
import { bytes } from "./words.ts";

const fs = process.getBuiltinModule("node:fs");
const path = process.getBuiltinModule("node:path");

/** Below this nobody waits long enough to want to know. */
const worthTelling = 5_000_000;
const uploadMs = 15 * 60_000;

export interface Sent {
  readonly app: string;
  readonly ref: string;
  /** `a1b2c3d "fix cart total"`. */
  readonly title: string;
}

/** Registers the app that the directory's infraspec.yaml describes; answers with its name and the commit to deploy. */
export async function uploadSource(session: Session, directory: string, ref: string): Promise<Sent> {
  const top = git(directory, ["rev-parse", "--show-toplevel"]);
  if (!top)
    throw usageError(`${directory} is not in a git repository.`, "Norns deploys commits: `git init && git add . && git commit` first.");
  const commit = git(directory, ["rev-parse", "--verify", "--quiet", "--end-of-options", `${ref}^{commit}`]);
  if (!commit)
    throw new CommandError(exitCodes.notFound, "ref_not_found", `There is no commit "${ref}" in ${directory}.`, {
      hint: "`git log` shows what there is; a fresh repository needs its first commit.",
    });
  const below = path.relative(fs.realpathSync(top), fs.realpathSync(directory));
  const tree = below === "" ? commit : `${commit}:${below.split(path.sep).join("/")}`;
  const spec = git(directory, ["show", `${tree}${below === "" ? ":" : "/"}infraspec.yaml`]);
  if (spec === undefined)
    throw new CommandError(
      exitCodes.notFound,
      "no_infraspec",
      `The commit ${commit.slice(0, 7)} has no infraspec.yaml in ${below || "its root"}.`,
      { hint: "`norns init` writes one; commit it, then deploy." },
    );
  const { appNamedIn } = await import("./validate-file.ts");
  const app = appNamedIn(spec);
  if (git(directory, ["status", "--porcelain", "--", "."]))
    session.terminal.note(`norns: there are uncommitted changes; deploying ${commit.slice(0, 7)} without them`);

  const subject = plain(git(directory, ["log", "-1", "--format=%s", commit]) ?? "");
  const sent = await send(session, { app, commit, top, tree });
  return { ...sent, title: `${commit.slice(0, 7)} "${subject.length > 50 ? `${subject.slice(0, 49)}…` : subject}"` };
}

/** What is too large, or not to be taken, the server says: while the body is on its way, too. */
async function send(
  session: Session,
  of: { app: string; commit: string; top: string; tree: string },
): Promise<{ app: string; ref: string }> {
  const progress = tellProgress(session);
  // From the top: below it, git archive would look for the tree in the directory it stands in.
  const archive = openArchive(of.top, of.tree, progress.tell);
  try {
    const answer = await session.open({
      method: "POST",
      path: toPath("POST /api/apps/{id}/source", { params: { id: of.app }, query: { commit: of.commit } }).path,
      body: archive.stream,
      headers: { "content-type": "application/x-tar" },
      signal: session.signal,
      timeoutMs: uploadMs,
    });
    const text = await readText(answer);
    if (!isSuccess(answer)) throw refusal(session.connection(), answer, text);
    const registered = JSON.parse(text) as { app: string; commit: string };
    return { app: registered.app, ref: registered.commit };
  } catch (error) {
    throw archive.problem() ?? error;
  } finally {
    archive.stop();
    progress.clear();
  }
}

/** `sending 12.3 MB`, in place, on a terminal only. */
function tellProgress({ terminal, isJson }: Session): { tell(total: number): void; clear(): void } {
  let toldAt = 0;
  let isOver = false;
  return {
    tell: (total) => {
      if (isOver || !terminal.isLive || isJson || total < worthTelling || Date.now() - toldAt < 100) return;
      toldAt = Date.now();
      terminal.write(`\r\u001b[K${terminal.dim(`sending ${bytes(total)}`)}`);
    },
    clear: () => {
      isOver = true;
      if (toldAt > 0) terminal.write("\r\u001b[K");
    },
  };
}

function git(directory: string, args: readonly string[]): string | undefined {
  const { spawnSync } = process.getBuiltinModule("node:child_process");
  const result = spawnSync("git", ["-C", directory, ...args], { encoding: "utf8" });
  if (result.error)
    throw new CommandError(exitCodes.failed, "git_missing", "git could not be started.", { hint: "Install git; Norns deploys commits." });
  return result.status === 0 ? result.stdout.trim() : undefined;
}
