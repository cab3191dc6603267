import type { Command } from "../command.ts";
import { eventState } from "../states.ts";
import { glyphs, plain, type Terminal } from "../terminal.ts";

interface SagaLine {
  readonly timestamp: string;
  readonly app: string;
  readonly action: string;
  readonly message: string;
}

export const saga: Command = {
  group: "What happened",
  words: ["saga"],
  about: "what happened, as a story: of all apps, of one, of one operation",
  arguments: [{ name: "operation", about: "an operation's id (the saga id)", isOptional: true }],
  options: [
    { name: "app", short: "a", value: "NAME", about: "only one app" },
    { name: "limit", short: "l", value: "N", about: "how many events (30)" },
  ],
  examples: [
    { line: "norns saga -a shop", about: "the latest of one app" },
    { line: "norns saga op_01k…", about: "one deployment from start to end" },
  ],
  async run(given, session) {
    const { terminal } = session;
    const id = given.arguments[0];
    const app = given.option("app");
    const events = id
      ? await session.api("GET /api/saga/{sagaId}", { params: { sagaId: id } })
      : [...(await session.api("GET /api/saga", { query: { limit: given.number("limit") ?? 30, ...(app ? { app } : {}) } }))].toReversed();
    if (session.json(events)) return;
    if (events.length === 0) terminal.line(id ? `Nothing is known of ${id}.` : "Nothing has happened yet.");
    for (const event of events) terminal.line(drawSaga(event, terminal));
  },
};

export function drawSaga(event: SagaLine, terminal: Terminal): string {
  const state = eventState(event.action);
  const time = event.timestamp.slice(11, 19);
  return `${terminal.dim(time)} ${event.app.padEnd(14)} ${terminal.paint(state, glyphs[state])} ${plain(event.message)}`;
}
