import type { Command } from "../command.ts";
import { completionScript, shells } from "../completion.ts";
import { usageError } from "../exit.ts";

export const completion = (commands: () => readonly Command[]): Command => ({
  group: "This installation",
  words: ["completion"],
  about: "print the completion script of your shell",
  arguments: [{ name: "shell", about: shells.join(", ") }],
  examples: [
    { line: 'eval "$(norns completion bash)"', about: "in ~/.bashrc" },
    { line: 'eval "$(norns completion zsh)"', about: "in ~/.zshrc" },
    { line: "norns completion fish > ~/.config/fish/completions/norns.fish", about: "for fish" },
  ],
  run(given, session) {
    const shell = given.arguments[0]!;
    const known = shells.find((name) => name === shell);
    if (!known) throw usageError(`There is no completion for "${shell}".`, `One of: ${shells.join(", ")}.`);
    const script = completionScript(known, commands());
    if (!session.json({ shell: known, script })) session.terminal.write(script);
    return Promise.resolve();
  },
});
