import type { Operation } from "@norns/client";
import type { Command } from "../command.ts";
import { failureLines } from "../evidence.ts";
import { exitOf, followOperation } from "../follow-operation.ts";
import { operationState } from "../states.ts";
import { glyphs, plain, table, type Terminal } from "../terminal.ts";
import { drawStep, type ThreadStep } from "../thread.ts";
import { ago, duration } from "../words.ts";

export const listOperations: Command = {
  group: "What happened",
  words: ["operations"],
  about: "durable work: queued, running, ended",
  options: [
    {
      name: "state",
      short: "s",
      value: "STATE",
      about: "only these",
      choices: ["queued", "running", "retrying", "undoing", "succeeded", "failed", "cancelled", "undone", "undo_failed"],
    },
    { name: "limit", short: "l", value: "N", about: "how many (20)" },
  ],
  examples: [{ line: "norns operations --state failed", about: "what needs a person" }],
  async run(given, session) {
    const state = given.option("state") as Operation["state"] | undefined;
    const operations = await session.api("GET /api/operations", {
      query: { limit: given.number("limit") ?? 20, ...(state ? { state } : {}) },
    });
    if (session.json(operations)) return;
    const { terminal } = session;
    if (operations.length === 0) return terminal.line("Nothing has been done yet.");
    const now = Date.now();
    const rows = operations.map((one) => [
      marked(one.state, terminal),
      one.name,
      one.subject.slice(one.subject.indexOf(":") + 1),
      ago(one.createdAt, now),
      one.finishedAt ? duration(one.finishedAt - one.createdAt) : "",
      one.id,
    ]);
    for (const line of table(["STATE", "WHAT", "OF", "STARTED", "TOOK#", "ID"], rows)) terminal.line(line);
  },
};

export const showOperation: Command = {
  group: "What happened",
  words: ["operations", "show"],
  about: "one operation with its steps",
  arguments: [{ name: "id", about: "the operation's id" }],
  async run(given, session) {
    const operation = await session.api("GET /api/operations/{id}", { params: { id: given.arguments[0]! } });
    if (session.json(operation)) return;
    const { terminal } = session;
    const now = Date.now();
    const state = operationState(operation.state);
    terminal.line(`${terminal.paint(state, glyphs[state])} ${terminal.bold(operation.name)}  ${operation.subject}  ${operation.state}`);
    const took = operation.finishedAt ? `, took ${duration(operation.finishedAt - operation.createdAt)}` : "";
    terminal.line(terminal.dim(`  by ${operation.actor}, ${ago(operation.createdAt, now)}${took}`));
    const width = Math.max(8, ...operation.steps.map((step) => step.name.length));
    for (const step of operation.steps) terminal.line(drawStep(toThreadStep(step), width, now, terminal));
    if (operation.error) for (const line of ["", ...failureLines(operation.error, terminal)]) terminal.line(line);
  },
};

export const cancelOperation: Command = {
  group: "What happened",
  words: ["operations", "cancel"],
  about: "end an operation; what it did is taken back",
  arguments: [{ name: "id", about: "the operation's id" }],
  async run(given, session) {
    const id = given.arguments[0]!;
    const answer = await session.api("POST /api/operations/{id}/cancel", { params: { id } });
    if (!session.json(answer)) session.terminal.line(`asked ${id} to end`);
  },
};

export const retryOperation: Command = {
  group: "What happened",
  words: ["operations", "retry"],
  about: "run a failed operation again from its failed step, and follow it",
  arguments: [{ name: "id", about: "the operation's id" }],
  options: [{ name: "detach", short: "d", about: "do not follow" }],
  async run(given, session) {
    const id = given.arguments[0]!;
    const answer = await session.api("POST /api/operations/{id}/retry", { params: { id } });
    if (given.isSet("detach")) return session.json(answer) ? undefined : (session.terminal.line(id), undefined);
    const operation = await followOperation(session, id);
    if (!session.json(operation)) {
      session.terminal.line(marked(operation.state, session.terminal));
      if (operation.error && operation.state !== "succeeded")
        for (const line of failureLines(operation.error, session.terminal)) session.terminal.line(line);
    }
    return exitOf(operation);
  },
};

export const queues: Command = {
  group: "What happened",
  words: ["operations", "queues"],
  about: "what waits, runs and has failed, by queue",
  async run(_given, session) {
    const list = await session.api("GET /api/operations/queues", {});
    if (session.json(list)) return;
    const { terminal } = session;
    if (list.length === 0) return terminal.line("Nothing waits, nothing runs, nothing has failed.");
    const now = Date.now();
    const rows = list.map((one) => [
      one.queue,
      String(one.queued),
      String(one.running),
      one.dead > 0 ? terminal.paint("failed", String(one.dead)) : "0",
      one.oldestQueuedAt === undefined ? "" : ago(one.oldestQueuedAt, now),
    ]);
    for (const line of table(["QUEUE", "QUEUED#", "RUNNING#", "FAILED#", "OLDEST WAITS SINCE"], rows)) terminal.line(line);
  },
};

function marked(name: Operation["state"], terminal: Terminal): string {
  const state = operationState(name);
  return `${terminal.paint(state, glyphs[state])} ${name}`;
}

function toThreadStep(step: Operation["steps"][number]): ThreadStep {
  const { name, state, startedAt, finishedAt } = step;
  const durationMs = startedAt !== undefined && finishedAt !== undefined ? finishedAt - startedAt : undefined;
  return { name, state, note: plain(step.skipReason ?? ""), startedAt, durationMs };
}
