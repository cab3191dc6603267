/** Completion scripts, drawn from the command values: nothing runs but the shell itself. Pure. */
import { globalOptions, type Command } from "./command.ts";

export const shells = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof shells)[number];

export function completionScript(shell: Shell, commands: readonly Command[]): string {
  return shell === "bash" ? bash(commands) : shell === "zsh" ? zsh(commands) : fish(commands);
}

const optionsOf = (command: Command): string[] => [...(command.options ?? []), ...globalOptions].map((option) => `--${option.name}`);
const firstWords = (commands: readonly Command[]): string[] => [...new Set(commands.map((command) => command.words[0]!))];
const below = (first: string, commands: readonly Command[]): string[] =>
  commands.filter((command) => command.words[0] === first && command.words.length > 1).map((command) => command.words[1]!);

function bash(commands: readonly Command[]): string {
  const cases = firstWords(commands).map((first) => {
    const command = commands.find((candidate) => candidate.words[0] === first)!;
    return `    ${first}) words="${[...below(first, commands), ...optionsOf(command)].join(" ")}" ;;`;
  });
  return [
    "_norns() {",
    '  local current="${COMP_WORDS[COMP_CWORD]}" words',
    '  if [ "$COMP_CWORD" -eq 1 ]; then',
    `    words="${firstWords(commands).join(" ")}"`,
    '  else case "${COMP_WORDS[1]}" in',
    ...cases,
    "  esac; fi",
    '  COMPREPLY=($(compgen -W "$words" -- "$current"))',
    "}",
    "complete -o default -F _norns norns",
    "",
  ].join("\n");
}

function zsh(commands: readonly Command[]): string {
  const quoted = (text: string): string => text.replaceAll("'", "'\\''").replaceAll(":", "\\:");
  const firsts = firstWords(commands).map(
    (first) => `    '${first}:${quoted(commands.find((command) => command.words[0] === first)!.about)}'`,
  );
  const cases = firstWords(commands).map((first) => {
    const command = commands.find((candidate) => candidate.words[0] === first)!;
    return `    ${first}) compadd -- ${[...below(first, commands), ...optionsOf(command)].join(" ")}; _files ;;`;
  });
  return [
    "_norns() {",
    "  local -a commands",
    "  commands=(",
    ...firsts,
    "  )",
    "  if (( CURRENT == 2 )); then _describe command commands; return; fi",
    '  case "$words[2]" in',
    ...cases,
    "  esac",
    "}",
    "compdef _norns norns",
    "",
  ].join("\n");
}

function fish(commands: readonly Command[]): string {
  const quoted = (text: string): string => text.replaceAll("\\", "\\\\").replaceAll("'", "\\'");
  const lines = ["complete -c norns -f"];
  for (const first of firstWords(commands)) {
    const command = commands.find((candidate) => candidate.words[0] === first)!;
    lines.push(`complete -c norns -n __fish_use_subcommand -a ${first} -d '${quoted(command.about)}'`);
    for (const word of below(first, commands)) lines.push(`complete -c norns -n '__fish_seen_subcommand_from ${first}' -a ${word}`);
    for (const option of command.options ?? [])
      lines.push(
        `complete -c norns -n '__fish_seen_subcommand_from ${first}' -l ${option.name}${option.short ? ` -s ${option.short}` : ""}${option.value ? " -r" : ""} -d '${quoted(option.about)}'`,
      );
  }
  for (const option of globalOptions)
    lines.push(
      `complete -c norns -l ${option.name}${option.short ? ` -s ${option.short}` : ""}${option.value ? " -r" : ""} -d '${quoted(option.about)}'`,
    );
  return `${lines.join("\n")}\n`;
}
