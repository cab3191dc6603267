import { askLine } from "../ask.ts";
import type { Command } from "../command.ts";
import { usageError } from "../exit.ts";
import { finish } from "./change.ts";

export const remove: Command = {
  group: "Apps",
  words: ["remove"],
  about: "take an app out: its instances end, its volumes stay",
  description: [
    "Stops the app and takes it out of the catalogue: instances, names, releases.",
    "",
    "Its volumes, its logs and its past stay; deploying an app of the same name finds the volumes again.",
    "At a terminal the name is asked for; elsewhere it needs --yes.",
  ].join("\n"),
  arguments: [{ name: "app", about: "the app's name", completes: "app" }],
  options: [
    { name: "yes", short: "y", about: "do not ask" },
    { name: "detach", short: "d", about: "do not follow; print the operation's id" },
  ],
  examples: [
    { line: "norns remove shop", about: "asks for the name" },
    { line: "norns remove shop --yes", about: "from a script" },
  ],
  async run(given, session) {
    const id = given.arguments[0]!;
    if (!given.isSet("yes")) {
      if (process.stdin.isTTY !== true)
        throw usageError(`Removing ${id} needs --yes where nobody can be asked.`, `norns remove ${id} --yes`);
      // Asked of the server first, so that a slip of the name is told before the question.
      await session.api("GET /api/apps/{id}", { params: { id } });
      const typed = await askLine(`${id} ends and leaves the catalogue; its volumes stay. Type its name to go on: `);
      if (typed !== id) throw usageError(`"${typed}" is not ${id}; nothing was done.`);
    }
    const started = await session.api("DELETE /api/apps/{id}", { params: { id } });
    return finish(given, session, started, `${id} is removed; its volumes are kept`);
  },
};
