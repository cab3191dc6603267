import type { Command, Given } from "../command.ts";
import { failureLines } from "../evidence.ts";
import { exitCodes, usageError, type ExitCode } from "../exit.ts";
import { exitOf, followOperation } from "../follow-operation.ts";
import type { Session } from "../session.ts";

const detach = { name: "detach", short: "d", about: "do not follow; print the operation's id" } as const;

export const restart: Command = {
  group: "Apps",
  words: ["restart"],
  about: "restart an app's instances, one after another",
  arguments: [{ name: "app", about: "the app's name", completes: "app" }],
  options: [detach],
  examples: [{ line: "norns restart shop", about: "each instance is healthy again before the next one stops" }],
  async run(given, session) {
    const id = given.arguments[0]!;
    const started = await session.api("POST /api/apps/{id}/restart", { params: { id } });
    return finish(given, session, started, `${id} restarted`);
  },
};

export const scale: Command = {
  group: "Apps",
  words: ["scale"],
  about: "set how many instances of a process run",
  description: [
    "Sets how many instances of a process run. The numbers are kept over deployments; 0 stops a process.",
    "",
    "norns scale APP COUNT                  an app with one process",
    "norns scale APP PROCESS COUNT          one of several",
    "norns scale APP PROCESS=COUNT …        several, one after another",
  ].join("\n"),
  arguments: [
    { name: "app", about: "the app's name", completes: "app" },
    { name: "process=count", about: "which process, and how many instances: 0 to 999, or as many as its spec allows", isRepeated: true },
  ],
  options: [detach],
  examples: [
    { line: "norns scale shop worker=4", about: "four workers" },
    { line: "norns scale shop web=2 worker=0", about: "two processes" },
    { line: "norns scale shop 0", about: "an app with one process, stopped" },
  ],
  async run(given, session) {
    const [id, ...words] = given.arguments as [string, ...string[]];
    const wishes = readWishes(words);
    let end: ExitCode = exitCodes.done;
    for (const { process = await onlyProcess(session, id), count } of wishes) {
      const started = await session.api("POST /api/apps/{id}/scale", { params: { id }, body: { process, count } });
      end = await finish(given, session, started, `${id} ${process} scaled to ${count}`);
      if (end !== exitCodes.done) return end;
    }
    return end;
  },
};

/** What stands behind the app's name. A wish without a process is for an app that has one. */
export function readWishes(words: readonly string[]): { process?: string; count: number }[] {
  const [first = "", second] = words;
  if (words.length === 1 && !first.includes("=")) return [{ count: countOf(first) }];
  if (words.length === 2 && !first.includes("=") && second !== undefined && !second.includes("="))
    return [{ process: first, count: countOf(second) }];
  return words.map((word) => {
    const at = word.indexOf("=");
    if (at <= 0) throw usageError(`"${word}" is not PROCESS=COUNT.`, "norns scale APP web=2 worker=4");
    return { process: word.slice(0, at), count: countOf(word.slice(at + 1)) };
  });
}

function countOf(text: string): number {
  if (!/^\d{1,3}$/.test(text)) throw usageError(`COUNT is a whole number from 0 to 999, not "${text}".`, "`norns scale --help` shows how.");
  return Number(text);
}

async function onlyProcess(session: Session, id: string): Promise<string> {
  const { desired } = await session.api("GET /api/apps/{id}", { params: { id } });
  const names = Object.keys(desired);
  if (names.length === 1) return names[0]!;
  throw usageError(
    `${id} has ${names.length === 0 ? "no running process" : `the processes ${names.join(", ")}`}; say which one.`,
    `norns scale ${id} ${names[0] ?? "web"}=COUNT`,
  );
}

/** Follows what was started to its end and says in a line how it ended. */
export async function finish(given: Given, session: Session, started: { operationId: string }, success: string): Promise<ExitCode> {
  const { terminal } = session;
  if (given.isSet("detach")) {
    if (!session.json(started)) terminal.line(started.operationId);
    return exitCodes.done;
  }
  const operation = await followOperation(session, started.operationId);
  if (session.json(operation)) return exitOf(operation);
  if (operation.state === "succeeded") terminal.line(`${terminal.paint("ok", "✓")} ${success}`);
  else if (operation.error) for (const line of failureLines(operation.error, terminal)) terminal.line(line);
  else terminal.line(`${terminal.paint("failed", "✕")} ${operation.state}`);
  return exitOf(operation);
}
