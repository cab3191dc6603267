import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toShellText } from "./shell-command.ts";

describe("a command for sh -c", () => {
  it.each(["node server.js", "./bin/server --port=3000 -v", "  python3 -m http.server\t8000 "])(
    "it lets the one program of %j take the shell's place",
    (command) => {
      expect(toShellText(command)).toBe(`exec ${command.trim()}`);
    },
  );

  it.each([
    "npm ci && node .",
    "node server.js > out.log",
    "FOO=1 node server.js",
    "cd app",
    'node "server.js"',
    "node $FILE",
    "a; b",
    "sleep 1 &",
    "trap",
    "if",
    "node *.js",
    "~/run",
    "",
    "# nothing",
    "a\nb",
    "node `which x`",
    "(node)",
    "{ node",
    "! node",
  ])("it leaves %j as it is", (command) => {
    expect(toShellText(command)).toBe(command);
  });

  it("[I3] it never adds anything but the word exec", () => {
    fc.assert(
      fc.property(fc.string(), (command) => {
        const text = toShellText(command);
        return text === command || text === `exec ${command.trim()}`;
      }),
    );
  });

  it("it prints the same as the command alone", () => {
    const run = (text: string): string => execFileSync("/bin/sh", ["-c", text], { encoding: "utf8" });
    for (const command of ["echo one two", "printf %s a", "env -i A=1 env"]) expect(run(toShellText(command))).toBe(run(command));
  });
});
