/** From argv to a command and what was given to it. Pure. */
import { globalOptions, type Command, type Given, type Option } from "./command.ts";
import { usageError } from "./exit.ts";
import { nearest } from "./nearest.ts";

export type Parsed =
  | { readonly kind: "run"; readonly command: Command; readonly given: Given }
  | { readonly kind: "help"; readonly words: readonly string[] };

export function parse(argv: readonly string[], commands: readonly Command[]): Parsed {
  const { command, rest, words } = findCommand(argv, commands);
  if (!command) {
    if (words.length === 0 || argv.some(isHelp)) return { kind: "help", words };
    throw unknownCommand(words, commands);
  }
  if (rest.slice(0, rest.includes("--") ? rest.indexOf("--") : rest.length).some(isHelp)) return { kind: "help", words: command.words };
  return { kind: "run", command, given: readGiven(rest, command) };
}

const isHelp = (word: string): boolean => word === "--help" || word === "-h";

/** The longest run of leading words that names a command; options before it are carried along. */
function findCommand(
  argv: readonly string[],
  commands: readonly Command[],
): { command: Command | undefined; rest: string[]; words: string[] } {
  const words: string[] = [];
  const before: string[] = [];
  let index = 0;
  for (; index < argv.length; index++) {
    const word = argv[index]!;
    if (word.startsWith("-")) {
      before.push(word);
      const option = optionOf(word, globalOptions);
      if (option?.value && !word.includes("=") && index + 1 < argv.length) before.push(argv[++index]!);
      continue;
    }
    const next = [...words, word];
    if (!commands.some((command) => next.every((part, place) => command.words[place] === part))) break;
    words.push(word);
  }
  const command = commands.find(
    (candidate) => candidate.words.length === words.length && candidate.words.every((part, place) => words[place] === part),
  );
  if (!command && words.length === 0) words.push(...argv.slice(index, index + 1));
  else if (!command && index < argv.length) words.push(argv[index]!);
  return { command, rest: [...before, ...argv.slice(index)], words };
}

function unknownCommand(words: readonly string[], commands: readonly Command[]): Error {
  const asked = words.join(" ");
  const group = commands.filter((command) => command.words[0] === words[0]);
  if (group.length > 0)
    return usageError(`\`norns ${asked}\` is not complete.`, `One of: ${group.map((command) => command.words.join(" ")).join(", ")}`);
  const close = nearest(
    asked,
    commands.map((command) => command.words.join(" ")),
  );
  return usageError(`There is no command \`norns ${asked}\`.`, close ? `Did you mean \`norns ${close}\`?` : "`norns --help` lists them.");
}

const optionOf = (word: string, options: readonly Option[]): Option | undefined => {
  const name = word.replace(/^--?/, "").split("=")[0]!;
  return options.find((option) => (word.startsWith("--") ? option.name === name : option.short === name));
};

function readGiven(rest: readonly string[], command: Command): Given {
  const options = [...(command.options ?? []), ...globalOptions];
  const values = new Map<string, string>();
  const given: string[] = [];
  for (let index = 0; index < rest.length; index++) {
    const word = rest[index]!;
    if (word === "--") {
      given.push(...rest.slice(index + 1));
      break;
    }
    if (!word.startsWith("-") || word === "-") {
      given.push(word);
      continue;
    }
    const option = optionOf(word, options);
    if (!option) {
      const close = nearest(
        word.replace(/^-+/, ""),
        options.map((candidate) => candidate.name),
      );
      throw usageError(
        `\`norns ${command.words.join(" ")}\` has no option ${word.split("=")[0]}.`,
        close ? `Did you mean --${close}?` : undefined,
      );
    }
    if (!option.value) {
      values.set(option.name, "true");
      continue;
    }
    const value = word.includes("=") ? word.slice(word.indexOf("=") + 1) : rest[++index];
    if (value === undefined) throw usageError(`--${option.name} needs a value (${option.value}).`);
    if (option.choices && !option.choices.includes(value)) throw usageError(`--${option.name} is one of: ${option.choices.join(", ")}.`);
    values.set(option.name, value);
  }
  checkArguments(given, command);
  return {
    arguments: given,
    option: (name) => values.get(name),
    isSet: (name) => values.has(name),
    number: (name) => {
      const text = values.get(name);
      if (text === undefined) return undefined;
      if (!/^\d{1,9}$/.test(text)) throw usageError(`--${name} is a whole number, not "${text}".`);
      return Number(text);
    },
  };
}

function checkArguments(given: readonly string[], command: Command): void {
  const expected = command.arguments ?? [];
  const missing = expected.filter((argument) => !argument.isOptional)[given.length];
  if (missing)
    throw usageError(
      `\`norns ${command.words.join(" ")}\` needs ${missing.name.toUpperCase()}: ${missing.about}.`,
      `\`norns ${command.words.join(" ")} --help\` shows how.`,
    );
  if (given.length > expected.length && !expected.at(-1)?.isRepeated)
    throw usageError(
      `"${given[expected.length]}" is one word too many for \`norns ${command.words.join(" ")}\`.`,
      `\`norns ${command.words.join(" ")} --help\` shows how.`,
    );
}
