/** `git archive` as a stream: what a commit holds goes to the server as git writes it, never whole into memory. */
import type { Readable } from "node:stream";
import { CommandError, exitCodes } from "./exit.ts";

export interface Archive {
  /** A tar. Ends only when git ended well; else it is destroyed, and so is the request that it is the body of. */
  readonly stream: Readable;
  /** Why it broke off, if it did. */
  problem(): CommandError | undefined;
  stop(): void;
}

/** `onBytes` hears how much has gone by. */
export function openArchive(directory: string, tree: string, onBytes: (total: number) => void): Archive {
  const { spawn } = process.getBuiltinModule("node:child_process");
  const { PassThrough } = process.getBuiltinModule("node:stream");
  const child = spawn("git", ["-C", directory, "archive", "--format=tar", tree], { stdio: ["ignore", "pipe", "pipe"] });
  const stream = new PassThrough();
  let total = 0;
  let complaint = "";
  let problem: CommandError | undefined;
  const fail = (why: string): void => {
    problem = new CommandError(exitCodes.failed, "git_failed", `git archive failed: ${why}`);
    stream.destroy(problem);
  };
  child.stdout.on("data", (chunk: Buffer) => onBytes((total += chunk.length)));
  child.stdout.pipe(stream, { end: false });
  child.stderr.on("data", (chunk: Buffer) => (complaint = (complaint + chunk.toString("utf8")).slice(-2000)));
  child.on("error", (error) => fail(error.message));
  child.on("close", (code, signal) => (code === 0 ? stream.end() : fail(complaint.trim() || `it ended by ${signal ?? `code ${code}`}`)));
  // Whoever reads it hears of it; nobody may be reading any more.
  stream.on("error", () => {});
  return {
    stream,
    problem: () => problem,
    stop: () => void child.kill(),
  };
}
