import { describe, expect, it } from "vitest";
import { readWishes } from "./commands/change.ts";
import { commands } from "./commands/index.ts";
import { completionScript, shells } from "./completion.ts";
import { CommandError } from "./exit.ts";
import { helpFor } from "./help.ts";
import { parse } from "./parse.ts";

const run = (line: string) => {
  const parsed = parse(line.split(" ").filter(Boolean), commands);
  if (parsed.kind !== "run") throw new Error("expected a command");
  return parsed;
};
const failure = (line: string): CommandError => {
  try {
    parse(line.split(" ").filter(Boolean), commands);
  } catch (error) {
    if (error instanceof CommandError) return error;
    throw error;
  }
  throw new Error("expected a usage error");
};

describe("the command line", () => {
  it("finds a command of two words and leaves the rest as arguments", () => {
    const { command, given } = run("operations show op_1");
    expect(command.words).toEqual(["operations", "show"]);
    expect(given.arguments).toEqual(["op_1"]);
  });

  it("takes options before, between and after arguments, joined or apart", () => {
    const { given } = run("--url http://127.0.0.1:1 logs shop --tail=5 -p web -f");
    expect(given.arguments).toEqual(["shop"]);
    expect(given.number("tail")).toBe(5);
    expect(given.option("process")).toBe("web");
    expect(given.isSet("follow")).toBe(true);
    expect(given.option("url")).toBe("http://127.0.0.1:1");
  });

  it("passes everything behind -- on as it is", () => {
    expect(run("deploy -- --json").given.arguments).toEqual(["--json"]);
  });

  it.each([
    ["deply", /no command/, "deploy"],
    ["logs", /needs APP/, "--help"],
    ["logs shop more", /one word too many/, "--help"],
    ["logs shop --folow", /no option --folow/, "--follow"],
    ["operations --state odd", /one of: queued/, undefined],
    ["workspaces invite ada --role", /needs a value/, undefined],
  ])("says what is wrong with `norns %s` and what to do", (line, message, hint) => {
    const error = failure(line);
    expect(error.exitCode).toBe(2);
    expect(error.message).toMatch(message);
    if (hint) expect(error.hint).toContain(hint);
  });

  it.each([
    ["0", [{ count: 0 }]],
    ["worker 4", [{ process: "worker", count: 4 }]],
    [
      "web=2 worker=0",
      [
        { process: "web", count: 2 },
        { process: "worker", count: 0 },
      ],
    ],
  ])("reads `norns scale shop %s`", (words, wishes) => {
    expect(readWishes(words.split(" "))).toEqual(wishes);
  });

  it.each(["web", "web=", "web=x", "web 1 2", "=1", "web=2 worker", "-1", "1.5", "1000"])("refuses `norns scale shop %s`", (words) => {
    expect(() => readWishes(words.split(" "))).toThrow(/COUNT/);
  });

  it("refuses a number that is none", () => {
    expect(() => run("logs shop --tail x").given.number("tail")).toThrow(/whole number/);
  });

  it("has help with a line on every argument and option for every command", () => {
    for (const command of commands) {
      const help = helpFor(command.words, commands).join("\n");
      for (const argument of command.arguments ?? []) expect(help).toContain(argument.about);
      for (const option of command.options ?? []) expect(help).toContain(`--${option.name}`);
      expect(command.about).not.toMatch(/\.$/);
    }
  });

  it("lists every command in the overview", () => {
    const overview = helpFor([], commands).join("\n");
    for (const command of commands) expect(overview).toContain(command.words.join(" "));
  });

  it.each(shells)("writes a completion script for %s that knows every first word", (shell) => {
    const script = completionScript(shell, commands);
    for (const command of commands) expect(script).toContain(command.words[0]);
  });
});
