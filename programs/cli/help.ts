/** `--help` that teaches: drawn from the command values. Pure. */
import { globalOptions, type Command, type Option } from "./command.ts";

const groups: readonly { readonly title: string; readonly first: readonly string[] }[] = [
  { title: "Apps", first: ["init", "validate", "deploy", "status", "app", "logs", "restart", "scale", "rollback"] },
  { title: "What happened", first: ["saga", "stream", "operations", "audit", "stats"] },
  { title: "People and access", first: ["login", "logout", "workspaces", "api-keys"] },
  { title: "This installation", first: ["server", "health", "version", "completion", "down"] },
];

export function helpFor(words: readonly string[], commands: readonly Command[]): string[] {
  const exact = commands.find((command) => command.words.join(" ") === words.join(" "));
  if (exact) return helpOfCommand(exact, commands);
  const below = commands.filter((command) => words.length > 0 && words.every((word, place) => command.words[place] === word));
  if (below.length > 0) return [`norns ${words.join(" ")}`, "", ...rows(below.map((command) => [usage(command), command.about]))];
  return overview(commands);
}

function overview(commands: readonly Command[]): string[] {
  const lines = ["norns: one control plane for apps, AI agents and customer platforms", "", "usage: norns <command> [options]"];
  for (const group of groups) {
    const members = group.first.flatMap((first) => commands.filter((command) => command.words[0] === first));
    if (members.length === 0) continue;
    lines.push("", group.title, ...rows(members.map((command) => [`  ${usage(command)}`, command.about])));
  }
  return [
    ...lines,
    "",
    "Options of every command",
    ...optionRows(globalOptions),
    "",
    "Exit codes: 0 done, 1 failed as an outcome, 2 wrong usage, 3 not allowed, 4 not found, 5 unreachable.",
    "`norns <command> --help` shows examples.",
  ];
}

function helpOfCommand(command: Command, commands: readonly Command[]): string[] {
  const lines = [`norns ${usage(command)}`, "", command.description ?? command.about];
  if (command.arguments?.length)
    lines.push("", "Arguments", ...rows(command.arguments.map((argument) => [`  ${argument.name.toUpperCase()}`, argument.about])));
  if (command.options?.length) lines.push("", "Options", ...optionRows(command.options));
  lines.push("", "Options of every command", ...optionRows(globalOptions));
  if (command.examples?.length)
    lines.push("", "Examples", ...command.examples.flatMap((example) => [`  ${example.line}`, `      ${example.about}`]));
  const below = commands.filter((other) => other !== command && command.words.every((word, place) => other.words[place] === word));
  if (below.length > 0) lines.push("", "See also", ...rows(below.map((other) => [`  norns ${usage(other)}`, other.about])));
  if (command.exits) lines.push("", `Exit codes: ${command.exits}`);
  return lines;
}

export function usage(command: Command): string {
  const named = (command.arguments ?? []).map((argument) => {
    const name = argument.name.toUpperCase() + (argument.isRepeated ? "…" : "");
    return argument.isOptional ? `[${name}]` : name;
  });
  return [...command.words, ...named].join(" ");
}

function optionRows(options: readonly Option[]): string[] {
  return rows(
    options.map((option) => [
      `  ${option.short ? `-${option.short}, ` : ""}--${option.name}${option.value ? ` ${option.value}` : ""}`,
      option.about + (option.choices ? ` (${option.choices.join(", ")})` : ""),
    ]),
  );
}

function rows(pairs: readonly (readonly [string, string] | readonly string[])[]): string[] {
  const width = Math.min(34, Math.max(...pairs.map(([left]) => left!.length)));
  return pairs.map(([left, right]) =>
    left!.length > width ? `${left}\n${" ".repeat(width + 2)}${right}` : `${left!.padEnd(width)}  ${right}`,
  );
}
