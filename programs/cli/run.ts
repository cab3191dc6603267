/** Runs one command line and says how it ended. Used by the entry and, in process, by tests. */
import { commands } from "./commands/index.ts";
import type { Environment } from "./connection.ts";
import { CommandError, exitCodes, type ExitCode } from "./exit.ts";
import { helpFor } from "./help.ts";
import { parse } from "./parse.ts";
import { createSession } from "./session.ts";
import { createTerminal, type Streams } from "./terminal.ts";

export interface CommandLine extends Streams {
  readonly environment: Environment;
  readonly directory: string;
}

export async function runCommandLine(argv: readonly string[], line: CommandLine): Promise<ExitCode> {
  const isJson = argv.includes("--json");
  const isPlain = argv.includes("--no-color") || (line.environment["NO_COLOR"] ?? "") !== "" || line.environment["TERM"] === "dumb";
  const terminal = createTerminal(line, { isPlain });
  const stop = new AbortController();
  const onInterrupt = (): void => {
    if (stop.signal.aborted) process.exit(130);
    stop.abort();
  };
  process.on("SIGINT", onInterrupt);
  process.on("SIGTERM", onInterrupt);
  try {
    const parsed = parse(argv, commands);
    if (parsed.kind === "help") {
      for (const text of helpFor(parsed.words, commands, terminal.columns)) terminal.line(text);
      return exitCodes.done;
    }
    const session = createSession({
      given: parsed.given,
      terminal,
      environment: line.environment,
      directory: line.directory,
      signal: stop.signal,
    });
    return (await parsed.command.run(parsed.given, session)) ?? exitCodes.done;
  } catch (error) {
    // Whatever was under way broke off because it was told to: nothing to explain.
    if (stop.signal.aborted && !(error instanceof CommandError)) return exitCodes.interrupted;
    if (!(error instanceof CommandError)) throw error;
    if (isJson) terminal.line(JSON.stringify({ error: error.message, code: error.code, hint: error.hint, requestId: error.requestId }));
    else {
      terminal.note(`norns: ${error.message}`);
      if (error.hint) terminal.note(`       ${error.hint}`);
      if (error.requestId) terminal.note(`       request ${error.requestId}`);
    }
    return error.exitCode;
  } finally {
    process.off("SIGINT", onInterrupt);
    process.off("SIGTERM", onInterrupt);
  }
}
