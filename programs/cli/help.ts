/** `--help` that teaches: drawn from the command values. Pure. */
import { globalOptions, type Command, type Option } from "./command.ts";
import { wrap } from "./terminal.ts";

const widest = 34;

/** `columns`: how wide the lines may be. */
export function helpFor(words: readonly string[], commands: readonly Command[], columns = 100): string[] {
  const exact = commands.find((command) => command.words.join(" ") === words.join(" "));
  if (exact) return helpOfCommand(exact, commands, columns);
  const below = commands.filter((command) => words.length > 0 && words.every((word, place) => command.words[place] === word));
  if (below.length > 0)
    return [
      `norns ${words.join(" ")}`,
      "",
      ...rows(
        below.map((command) => [usage(command), command.about]),
        columns,
      ),
    ];
  return overview(commands, columns);
}

function overview(commands: readonly Command[], columns: number): string[] {
  const lines = ["norns: one control plane for apps, AI agents and customer platforms", "", "usage: norns <command> [options]"];
  for (const group of new Set(commands.map((command) => command.group))) {
    const members = commands.filter((command) => command.group === group);
    const pairs = members.map((command) => [`  ${usage(command)}`, command.about] as const);
    // One place where all of them begin: the eye runs down it.
    lines.push("", group, ...rows(pairs, columns, widest));
  }
  return [
    ...lines,
    "",
    "Options of every command",
    ...optionRows(globalOptions, columns),
    "",
    ...wrap(
      "Exit codes: 0 done, 1 failed as an outcome, 2 wrong usage, 3 not allowed, 4 not found, 5 unreachable, 130 interrupted.",
      columns,
    ),
    "`norns <command> --help` shows examples.",
  ];
}

function helpOfCommand(command: Command, commands: readonly Command[], columns: number): string[] {
  const lines = [
    `norns ${usage(command)}`,
    "",
    ...(command.description ?? command.about).split("\n").flatMap((line) => (line.includes("  ") ? line : wrap(line, columns))),
  ];
  if (command.arguments?.length)
    lines.push(
      "",
      "Arguments",
      ...rows(
        command.arguments.map((argument) => [`  ${argument.name.toUpperCase()}`, argument.about]),
        columns,
      ),
    );
  if (command.options?.length) lines.push("", "Options", ...optionRows(command.options, columns));
  lines.push("", "Options of every command", ...optionRows(globalOptions, columns));
  if (command.examples?.length)
    lines.push("", "Examples", ...command.examples.flatMap((example) => [`  ${example.line}`, `      ${example.about}`]));
  const below = commands.filter((other) => other !== command && command.words.every((word, place) => other.words[place] === word));
  if (below.length > 0)
    lines.push(
      "",
      "See also",
      ...rows(
        below.map((other) => [`  norns ${usage(other)}`, other.about]),
        columns,
      ),
    );
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

function optionRows(options: readonly Option[], columns: number): string[] {
  return rows(
    options.map((option) => [
      `  ${option.short ? `-${option.short}, ` : ""}--${option.name}${option.value ? ` ${option.value}` : ""}`,
      option.about + (option.choices ? ` (${option.choices.join(", ")})` : ""),
    ]),
    columns,
  );
}

/** Two columns; what is said at the right goes on below itself. */
function rows(pairs: readonly (readonly string[])[], columns: number, atMost = Math.max(...pairs.map(([left]) => left!.length))): string[] {
  const width = Math.min(widest, atMost);
  const space = " ".repeat(width + 2);
  return pairs.flatMap(([left, right]) => {
    const [first = "", ...more] = wrap(right!, Math.max(20, columns - width - 2));
    const begin = left!.length > width ? [left!, space + first] : [`${left!.padEnd(width)}  ${first}`];
    return [...begin, ...more.map((line) => space + line)];
  });
}
