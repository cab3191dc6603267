import type { Command } from "../command.ts";
import { plain } from "../terminal.ts";
import { drawSaga } from "./saga.ts";

interface LiveEvent {
  readonly seq: number;
  readonly at: number;
  readonly subject: string;
  readonly action: string;
  readonly message: string;
}

export const stream: Command = {
  group: "What happened",
  words: ["stream"],
  about: "follow everything that happens, live",
  options: [
    { name: "app", short: "a", value: "NAME", about: "only one app" },
    { name: "after", value: "SEQ", about: "begin after this sequence number instead of now" },
  ],
  examples: [
    { line: "norns stream", about: "until Ctrl-C; a broken connection misses nothing" },
    { line: "norns stream --json --after 0 | jq .action", about: "the whole log, then live" },
  ],
  async run(given, session) {
    const query = new URLSearchParams();
    const app = given.option("app");
    if (app) query.set("subject", `app:${app}`);
    const after = given.number("after");
    if (after !== undefined) query.set("after", String(after));
    const { terminal } = session;
    const events = session.stream({
      path: `/api/events?${query.toString()}`,
      onReconnect: (attempt) => attempt === 1 && terminal.note("norns: the connection broke; going on where it stopped"),
    });
    for await (const { event, data } of events) {
      if (session.isJson) terminal.line(data);
      else if (event === "gap") terminal.note("norns: some events are no longer kept");
      else {
        const live = JSON.parse(data) as LiveEvent;
        const subject = plain(live.subject);
        terminal.line(
          drawSaga(
            {
              timestamp: new Date(live.at).toISOString(),
              app: subject.slice(subject.indexOf(":") + 1),
              action: live.action,
              message: live.message,
            },
            terminal,
          ),
        );
      }
    }
  },
};
