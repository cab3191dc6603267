/** Sends the commit of a directory to the server: `git archive`, never the working tree. */
import { toPath } from "@norns/client";
import { usageError, CommandError, exitCodes } from "./exit.ts";
import { isSuccess, readText, refusal } from "./http.ts";
import type { Session } from "./session.ts";

const { spawn, spawnSync } = process.getBuiltinModule("node:child_process");
const fs = process.getBuiltinModule("node:fs");
const path = process.getBuiltinModule("node:path");

const largestArchive = 256 * 1024 * 1024;

/** Registers the app that the directory's infraspec.yaml describes; answers with its name and the commit to deploy. */
export async function uploadSource(session: Session, directory: string, ref: string): Promise<{ app: string; ref: string }> {
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

  // From the top: below it, git archive would look for the tree in the directory it stands in.
  const archive = await archiveOf(top, tree);
  const target = toPath("POST /api/apps/{id}/source", { params: { id: app }, query: { commit } }).path;
  const answer = await session.open({
    method: "POST",
    path: target,
    body: archive,
    headers: { "content-type": "application/x-tar" },
    signal: session.signal,
    timeoutMs: 15 * 60_000,
  });
  const text = await readText(answer);
  if (!isSuccess(answer)) throw refusal(session.connection(), answer, text);
  const registered = JSON.parse(text) as { app: string; commit: string };
  return { app: registered.app, ref: registered.commit };
}

function git(directory: string, args: readonly string[]): string | undefined {
  const result = spawnSync("git", ["-C", directory, ...args], { encoding: "utf8" });
  if (result.error)
    throw new CommandError(exitCodes.failed, "git_missing", "git could not be started.", { hint: "Install git; Norns deploys commits." });
  return result.status === 0 ? result.stdout.trim() : undefined;
}

function archiveOf(directory: string, tree: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const child = spawn("git", ["-C", directory, "archive", "--format=tar", tree], { stdio: ["ignore", "pipe", "pipe"] });
    const chunks: Buffer[] = [];
    let size = 0;
    let complaint = "";
    child.stdout.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size > largestArchive) child.kill();
      else chunks.push(chunk);
    });
    child.stderr.on("data", (chunk: Buffer) => (complaint += chunk.toString("utf8")));
    child.on("error", reject);
    child.on("close", (code) => {
      if (size > largestArchive)
        reject(
          new CommandError(exitCodes.failed, "source_too_large", "The commit is larger than 256 MB.", {
            hint: "Leave out what is not needed with .gitattributes export-ignore.",
          }),
        );
      else if (code !== 0) reject(new CommandError(exitCodes.failed, "git_failed", `git archive failed: ${complaint.trim()}`));
      else resolve(Buffer.concat(chunks));
    });
  });
}
