import type { Command } from "../command.ts";
import { exitCodes, CommandError } from "../exit.ts";

const fs = process.getBuiltinModule("node:fs");
const path = process.getBuiltinModule("node:path");

export const init: Command = {
  group: "Apps",
  words: ["init"],
  about: "write a commented infraspec.yaml for the repository you stand in",
  description:
    "Looks at the files of the directory, writes infraspec.yaml with a comment for each choice, and says what it guessed. Changes nothing else.",
  arguments: [{ name: "directory", about: "another directory", isOptional: true, completes: "directory" }],
  options: [
    { name: "force", about: "replace an infraspec.yaml that is there" },
    { name: "print", about: "print it instead of writing" },
  ],
  examples: [
    {
      line: "norns init && git add infraspec.yaml && git commit -m 'Add infraspec' && norns deploy",
      about: "from a repository to a running app",
    },
  ],
  async run(given, session) {
    const directory = path.resolve(session.directory, given.arguments[0] ?? ".");
    const file = path.join(directory, "infraspec.yaml");
    if (fs.existsSync(file) && !given.isSet("force") && !given.isSet("print"))
      throw new CommandError(exitCodes.failed, "already_there", "There is an infraspec.yaml already.", {
        hint: "`norns validate` checks it; --force replaces it.",
      });
    const { guessFor } = await import("../guess-spec.ts");
    const { text, guesses } = guessFor(directory);
    if (given.isSet("print")) return session.json({ text, guesses }) ? undefined : session.terminal.write(text);
    fs.writeFileSync(file, text);
    if (session.json({ file, guesses })) return;
    const { terminal } = session;
    terminal.line(`${terminal.paint("ok", "✓")} wrote ${path.relative(session.directory, file) || file}`);
    for (const guess of guesses) terminal.line(`  ${guess}`);
    terminal.line(terminal.dim("  next: git add infraspec.yaml && git commit, then norns deploy"));
  },
};
