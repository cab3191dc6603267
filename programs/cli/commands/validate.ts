import type { Command } from "../command.ts";
import { exitCodes } from "../exit.ts";
import { glyphs, plain } from "../terminal.ts";

const fs = process.getBuiltinModule("node:fs");
const path = process.getBuiltinModule("node:path");

interface Result {
  readonly app: string;
  readonly valid: boolean;
  readonly findings: readonly {
    readonly severity: string;
    readonly field: string;
    readonly message: string;
    readonly line?: number | undefined;
  }[];
}

export const validate: Command = {
  group: "Apps",
  words: ["validate"],
  about: "check specs: of the directory you stand in, or of the catalogue's apps",
  arguments: [{ name: "app-or-directory", about: "an app's name, or a directory with infraspec.yaml", isOptional: true, completes: "app" }],
  options: [
    { name: "all", about: "every app of the catalogue" },
    { name: "strict-secrets", about: "a secret written into the spec is an error, not a warning" },
  ],
  examples: [
    { line: "norns validate", about: "this directory, without a server" },
    { line: "norns validate --all", about: "the whole catalogue" },
  ],
  exits: "0 valid, 1 not valid",
  async run(given, session) {
    const results = await check(given.arguments[0], given.isSet("all"), given.isSet("strict-secrets"), session);
    const isValid = results.every((result) => result.valid);
    if (session.json(results)) return isValid ? exitCodes.done : exitCodes.failed;
    const { terminal } = session;
    for (const result of results) {
      terminal.line(
        result.valid ? `${terminal.paint("ok", "✓")} ${result.app}  valid` : `${terminal.paint("failed", "✕")} ${result.app}  not valid`,
      );
      for (const finding of result.findings) {
        const state = finding.severity === "error" ? "failed" : finding.severity === "warning" ? "attention" : "stopped";
        terminal.line(
          `  ${terminal.paint(state, glyphs[state])} ${finding.line === undefined ? "" : `line ${finding.line}  `}${finding.field ? `${plain(finding.field)}: ` : ""}${plain(finding.message)}`,
        );
      }
    }
    if (results.length === 0) terminal.line("No apps yet.");
    return isValid ? exitCodes.done : exitCodes.failed;
  },
};

async function check(
  what: string | undefined,
  isAll: boolean,
  isStrict: boolean,
  session: Parameters<Command["run"]>[1],
): Promise<readonly Result[]> {
  const query = isStrict ? { strictSecrets: "true" as const } : {};
  if (isAll) return session.api("GET /api/validate", { query });
  const file = path.resolve(session.directory, what ?? ".", "infraspec.yaml");
  if (what === undefined || fs.existsSync(file)) {
    const { validateFile } = await import("../validate-file.ts");
    return [validateFile(file, { isStrict })];
  }
  return [await session.api("GET /api/validate/{id}", { params: { id: what }, query })];
}
