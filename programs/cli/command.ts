/**
 * A command is a value: its words, arguments, options and examples. Help, completion and parsing all read the same
 * value, so they cannot disagree.
 */
import type { Session } from "./session.ts";
import type { ExitCode } from "./exit.ts";

export interface Argument {
  readonly name: string;
  readonly about: string;
  readonly isOptional?: boolean;
  readonly isRepeated?: boolean;
  /** What completion offers: names of apps, of operations, files. */
  readonly completes?: "app" | "directory";
}

export interface Option {
  /** Long name without dashes. */
  readonly name: string;
  readonly short?: string;
  readonly about: string;
  /** What the value is called in help; without it the option is a switch. */
  readonly value?: string;
  readonly choices?: readonly string[];
}

export interface Given {
  readonly arguments: readonly string[];
  /** The value of an option with a value; undefined when it was not given. */
  option(name: string): string | undefined;
  isSet(name: string): boolean;
  /** A whole number ≥ 0, or a usage error that names the option. */
  number(name: string): number | undefined;
}

/** Headings of the overview; it shows them in the order in which the list of commands first names them. */
export type Group = "Apps" | "What happened" | "People and access" | "This installation";

export interface Command {
  readonly group: Group;
  /** `["operations", "show"]`. */
  readonly words: readonly string[];
  readonly about: string;
  /** More than one line, for `--help`. */
  readonly description?: string;
  readonly arguments?: readonly Argument[];
  readonly options?: readonly Option[];
  readonly examples?: readonly { readonly line: string; readonly about: string }[];
  /** What exit codes mean beyond the usual ones. */
  readonly exits?: string;
  run(given: Given, session: Session): Promise<ExitCode | void>;
}

export const globalOptions: readonly Option[] = [
  { name: "url", value: "URL", about: "the server; else NORNS_URL, the credential of this machine, or `norns login`" },
  { name: "token", value: "TOKEN", about: "a session token or API key; else NORNS_TOKEN" },
  { name: "workspace", short: "w", value: "NAME", about: "the workspace; else NORNS_WORKSPACE or your own" },
  { name: "json", about: "print data as JSON and nothing else" },
  { name: "no-color", about: "no colour, as with NO_COLOR" },
  { name: "help", short: "h", about: "what this command does, with examples" },
];
