import type { Command } from "../command.ts";
import { CommandError, exitCodes, usageError } from "../exit.ts";
import { failureLines } from "../evidence.ts";
import { exitOf, followOperation } from "../follow-operation.ts";
import type { Session } from "../session.ts";
import { duration, shortCommit } from "../words.ts";
import { uploadSource } from "../upload-source.ts";

const fs = process.getBuiltinModule("node:fs");
const path = process.getBuiltinModule("node:path");

export const deploy: Command = {
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
  ],
  examples: [
    { line: "norns deploy", about: "the repository you stand in" },
    { line: "norns deploy examples/01-hello", about: "an example" },
    { line: "norns deploy shop v1.4.0", about: "a tag of an app of the catalogue" },
    { line: "norns deploy shop --json --detach", about: "start it from a script" },
  ],
  exits: "0 the release is live, 1 the deployment failed and the old release stayed",
  async run(given, session) {
    const [what = ".", ref = "HEAD"] = given.arguments;
    const target = isDirectory(session.directory, what)
      ? await uploadSource(session, path.resolve(session.directory, what), ref)
      : { app: nameOf(what), ref };
    const isPreflight = given.isSet("preflight");
    const started = await session.api(isPreflight ? "POST /api/apps/{id}/preflight" : "POST /api/apps/{id}/deploy", {
      params: { id: target.app },
      body: { ref: target.ref },
    });
    return watch(session, target.app, started, given.isSet("detach"));
  },
};

export const rollback: Command = {
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
    return watch(session, id, started, given.isSet("detach"));
  },
};

/** Follows a deployment or rollback to its end and says in one block how it ended. */
async function watch(session: Session, app: string, started: { operationId: string }, isDetached: boolean) {
  const { terminal } = session;
  if (isDetached) {
    if (!session.json(started)) terminal.line(started.operationId);
    return exitCodes.done;
  }
  if (!session.isJson) terminal.line(`${terminal.bold(app)}  ${terminal.dim(started.operationId)}`);
  const operation = await followOperation(session, started.operationId);
  const took = operation.finishedAt === undefined ? "" : duration(operation.finishedAt - operation.createdAt);
  if (session.json(operation)) return exitOf(operation);
  if (operation.state === "succeeded") {
    const status = await session.api("GET /api/apps/{id}", { params: { id: app } });
    const address = status.hostnames[0] ? `   http://${status.hostnames[0]}${portOf(session)}` : "";
    const release = status.release ? `release ${status.release.number} (${shortCommit(status.release.commit)}) is live` : "done";
    terminal.line(`${terminal.paint("ok", "✓")} ${release}${address}   ${took}`);
  } else {
    terminal.line();
    if (operation.error) for (const line of failureLines(operation.error, terminal)) terminal.line(line);
    else terminal.line(`${terminal.paint("failed", "✕")} ${operation.state}`);
    terminal.line(terminal.dim(`  norns saga ${operation.id}    norns logs ${app}`));
  }
  return exitOf(operation);
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
