import type { Command, Given } from "../command.ts";
import { failureLines } from "../evidence.ts";
import { usageError } from "../exit.ts";
import { exitOf, followOperation } from "../follow-operation.ts";
import type { Session } from "../session.ts";

const detach = { name: "detach", short: "d", about: "do not follow; print the operation's id" } as const;

export const restart: Command = {
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
  words: ["scale"],
  about: "set how many instances of a process run",
  arguments: [
    { name: "app", about: "the app's name", completes: "app" },
    { name: "process", about: "the process; left out when the app has one" },
    { name: "count", about: "how many; kept over deployments", isOptional: true },
  ],
  options: [detach],
  examples: [
    { line: "norns scale shop worker 4", about: "four workers" },
    { line: "norns scale shop 0", about: "an app with one process, stopped" },
  ],
  async run(given, session) {
    const id = given.arguments[0]!;
    const [process, count] =
      given.arguments.length === 3 ? [given.arguments[1]!, given.arguments[2]!] : [await onlyProcess(session, id), given.arguments[1]!];
    if (!/^\d{1,3}$/.test(count)) throw usageError(`COUNT is a whole number from 0 to 100, not "${count}".`);
    const started = await session.api("POST /api/apps/{id}/scale", { params: { id }, body: { group: process, count: Number(count) } });
    return finish(given, session, started, `${id} ${process} scaled to ${count}`);
  },
};

async function onlyProcess(session: Session, id: string): Promise<string> {
  const { desired } = await session.api("GET /api/apps/{id}", { params: { id } });
  const names = Object.keys(desired);
  if (names.length === 1) return names[0]!;
  throw usageError(
    `${id} has ${names.length === 0 ? "no running process" : `the processes ${names.join(", ")}`}; say which one.`,
    `norns scale ${id} ${names[0] ?? "web"} COUNT`,
  );
}

async function finish(given: Given, session: Session, started: { operationId: string }, success: string) {
  const { terminal } = session;
  if (given.isSet("detach")) {
    if (!session.json(started)) terminal.line(started.operationId);
    return;
  }
  const operation = await followOperation(session, started.operationId);
  if (session.json(operation)) return exitOf(operation);
  if (operation.state === "succeeded") terminal.line(`${terminal.paint("ok", "✓")} ${success}`);
  else if (operation.error) for (const line of failureLines(operation.error, terminal)) terminal.line(line);
  else terminal.line(`${terminal.paint("failed", "✕")} ${operation.state}`);
  return exitOf(operation);
}
