import type { Operation } from "@norns/client";
import type { Command, Given } from "../command.ts";
import { CommandError, exitCodes, usageError } from "../exit.ts";
import { failureLines } from "../evidence.ts";
import { exitOf, followOperation } from "../follow-operation.ts";
import type { Session } from "../session.ts";
import { duration, shortCommit } from "../words.ts";
import { uploadSource } from "../upload-source.ts";

const fs = process.getBuiltinModule("node:fs");
const path = process.getBuiltinModule("node:path");

export const deploy: Command = {
  group: "Apps",
  words: ["deploy"],
  about: "bring a commit of an app into service",
  description: [
    "Brings a commit of an app into service and follows it live.",
    "",
    "With the name of an app of the catalogue: deploys REF of its repository (its branch when left out).",
    "With a directory, or none: sends the commit checked out there, never uncommitted changes, registers the app that its",
    "infraspec.yaml describes, and deploys it.",
  ].join("\n"),
  arguments: [
    {
      name: "app-or-directory",
      about: "an app's name, or a directory with infraspec.yaml (this one when left out)",
      isOptional: true,
      completes: "app",
    },
    { name: "ref", about: "a branch, a tag or a commit", isOptional: true },
  ],
  options: [
    { name: "detach", short: "d", about: "do not follow; print the operation's id" },
    { name: "preflight", about: "only validate, build and test" },
    { name: "output", short: "v", about: "show what build, test and migrations print while they do" },
    { name: "repo", value: "URL", about: "register the app of this repository first; its own infraspec.yaml says what it is" },
    { name: "branch", value: "NAME", about: "with --repo: the branch to deploy from (main)" },
  ],
  examples: [
    { line: "norns deploy", about: "the repository you stand in" },
    { line: "norns deploy examples/01-hello", about: "an example" },
    { line: "norns deploy --repo https://git.example.com/ada/shop.git", about: "a repository that the server fetches" },
    { line: "norns deploy shop v1.4.0", about: "a tag of an app of the catalogue" },
    { line: "norns deploy shop --json --detach", about: "start it from a script" },
  ],
  exits: "0 the release is live, 1 the deployment failed and the old release stayed",
  async run(given, session) {
    const target = await targetOf(given, session);
    const isPreflight = given.isSet("preflight");
    const started = await session.api(isPreflight ? "POST /api/apps/{id}/preflight" : "POST /api/apps/{id}/deploy", {
      params: { id: target.app },
      body: { ref: target.ref },
    });
    return watch(session, target.app, started, {
      isDetached: given.isSet("detach"),
      withOutput: given.isSet("output"),
      title: target.title ?? (target.ref === "HEAD" ? undefined : target.ref),
    });
  },
};

interface Target {
  readonly app: string;
  readonly ref: string;
  /** What is deployed, for a person: `a1b2c3d "fix cart total"`. */
  readonly title?: string;
}

/** What to deploy: registered, sent, or in the catalogue already. */
async function targetOf(given: Given, session: Session): Promise<Target> {
  const url = given.option("repo");
  const branch = given.option("branch");
  if (url !== undefined) {
    const [ref = "HEAD", more] = given.arguments;
    if (more !== undefined) throw usageError("With --repo only a REF may follow.", "norns deploy --repo URL [REF]");
    const registered = await session.api("POST /api/apps", { body: { repo: { url, ...(branch === undefined ? {} : { branch }) } } });
    return { app: registered.app, ref };
  }
  if (branch !== undefined)
    throw usageError("--branch goes with --repo.", "norns deploy APP REF deploys a branch of an app of the catalogue.");
  const [what = ".", ref = "HEAD"] = given.arguments;
  if (isDirectory(session.directory, what)) return uploadSource(session, path.resolve(session.directory, what), ref);
  return { app: nameOf(what), ref };
}

export const rollback: Command = {
  group: "Apps",
  words: ["rollback"],
  about: "go back to an earlier release, without building",
  arguments: [{ name: "app", about: "the app's name", completes: "app" }],
  options: [
    { name: "to", value: "RELEASE", about: "a release's number; the good one before the current when left out" },
    { name: "detach", short: "d", about: "do not follow; print the operation's id" },
  ],
  examples: [
    { line: "norns rollback shop", about: "the release before" },
    { line: "norns rollback shop --to 39", about: "a chosen one" },
  ],
  exits: "0 the release is live, 1 the rollback failed and the current release stayed",
  async run(given, session) {
    const id = given.arguments[0]!;
    const to = given.option("to");
    const started = await session.api("POST /api/apps/{id}/rollback", { params: { id }, body: to === undefined ? {} : { release: to } });
    return watch(session, id, started, { isDetached: given.isSet("detach") });
  },
};

/** Follows a deployment or rollback to its end and says in one block how it ended. */
async function watch(
  session: Session,
  app: string,
  started: { operationId: string },
  { isDetached, withOutput = false, title }: { isDetached: boolean; withOutput?: boolean; title?: string | undefined },
) {
  const { terminal } = session;
  if (isDetached) {
    if (!session.json(started)) terminal.line(started.operationId);
    return exitCodes.done;
  }
  if (!session.isJson) terminal.line([terminal.bold(app), ...(title ? [title] : []), terminal.dim(started.operationId)].join("  "));
  const operation = await followOperation(session, started.operationId, { withOutput });
  const took = operation.finishedAt === undefined ? "" : duration(operation.finishedAt - operation.createdAt);
  if (session.json(operation)) return exitOf(operation);
  if (operation.state === "succeeded") {
    const status = await session.api("GET /api/apps/{id}", { params: { id: app } });
    const address = status.hostnames[0] ? `   http://${status.hostnames[0]}${portOf(session)}` : "";
    const release = status.release ? `release ${status.release.number} (${shortCommit(status.release.commit)}) is live` : "done";
    terminal.line(`${terminal.paint("ok", "✓")} ${release}${address}   ${took}`);
  } else {
    terminal.line();
    if (operation.error) for (const line of failureLines(operation.error, terminal, { withOutput: !withOutput })) terminal.line(line);
    else terminal.line(`${terminal.paint("failed", "✕")} ${operation.state}`);
    terminal.line(terminal.dim(`  norns saga ${operation.id}`));
    terminal.line(terminal.dim(`  ${whereToLook(app, operation)}`));
  }
  return exitOf(operation);
}

/** The command that shows more of what went wrong. */
function whereToLook(app: string, { id, error }: Operation): string {
  const hasOutput = ["build", "test", "migrate"].includes(error?.step ?? "");
  return hasOutput ? `norns output ${id} ${error!.step}` : `norns logs ${app}`;
}

/** Names under localhost are served on the control plane's own port. */
function portOf(session: Session): string {
  const { port } = new URL(session.connection().url);
  return port ? `:${port}` : "";
}

function isDirectory(from: string, what: string): boolean {
  const looksLikePath = what === "." || what.includes("/") || what.includes(path.sep);
  const isThere = fs.statSync(path.resolve(from, what), { throwIfNoEntry: false })?.isDirectory() ?? false;
  if (looksLikePath && !isThere) throw new CommandError(exitCodes.notFound, "no_directory", `There is no directory ${what}.`);
  return looksLikePath || (isThere && fs.existsSync(path.resolve(from, what, "infraspec.yaml")));
}

function nameOf(what: string): string {
  if (/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(what)) return what;
  throw usageError(`"${what}" is neither an app's name nor a directory.`, "`norns status` lists the apps.");
}
