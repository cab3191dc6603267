import type { Command } from "../command.ts";
import { plain, safeLine } from "../terminal.ts";

interface Line {
  readonly at: number;
  readonly stream: string;
  readonly process: string;
  readonly instance: string;
  readonly line: string;
}

export const logs: Command = {
  group: "Apps",
  words: ["logs"],
  about: "what an app's instances print",
  arguments: [{ name: "app", about: "the app's name", completes: "app" }],
  options: [
    { name: "follow", short: "f", about: "go on with what comes" },
    { name: "tail", short: "n", value: "LINES", about: "only the last lines (200)" },
    { name: "since", value: "TIME", about: "only from a time on: 10m, 2h, 2026-01-31T12:00:00Z" },
    { name: "process", short: "p", value: "NAME", about: "only one process" },
    { name: "instance", short: "i", value: "ID", about: "only one instance" },
    { name: "no-prefix", about: "the text alone" },
  ],
  examples: [
    { line: "norns logs shop -f", about: "follow all instances" },
    { line: "norns logs shop -p worker --since 10m", about: "one process, the last ten minutes" },
  ],
  async run(given, session) {
    const query = new URLSearchParams();
    const tail = given.number("tail") ?? (given.isSet("since") ? undefined : 200);
    if (tail !== undefined) query.set("tail", String(tail));
    for (const name of ["since", "process", "instance"]) {
      const value = given.option(name);
      if (value !== undefined) query.set(name, value);
    }
    const isFollowing = given.isSet("follow");
    query.set("follow", String(isFollowing));
    const { terminal } = session;
    const stream = session.stream({
      path: `/api/apps/${encodeURIComponent(given.arguments[0]!)}/logs?${query.toString()}`,
      endsByItself: !isFollowing,
      onReconnect: (attempt) => attempt === 1 && terminal.note("norns: the connection broke; going on where it stopped"),
    });
    for await (const { event, data } of stream) {
      if (session.isJson) {
        terminal.line(JSON.stringify({ event, ...(JSON.parse(data) as object) }));
        continue;
      }
      if (event === "gap") {
        terminal.note(terminal.dim(`  … ${plain((JSON.parse(data) as { reason?: string }).reason ?? "lines are missing here")}`));
        continue;
      }
      if (event !== "log") continue;
      const line = JSON.parse(data) as Line;
      const text = safeLine(line.line, terminal.isLive);
      if (given.isSet("no-prefix")) terminal.line(text);
      else {
        const time = new Date(line.at).toISOString().slice(11, 23);
        const who = `${line.process} ${line.instance.slice(-8)}`;
        terminal.line(`${terminal.dim(time)} ${line.stream === "stderr" ? terminal.paint("attention", who) : terminal.dim(who)} ${text}`);
      }
    }
  },
};
