/** Reads a spec as the server does, without one. In a chunk of its own: the YAML parser is not light. */
import { parseInfraspec } from "@norns/capabilities/apps/infraspec";
import { CommandError, exitCodes } from "./exit.ts";

const fs = process.getBuiltinModule("node:fs");
const path = process.getBuiltinModule("node:path");

export function validateFile(file: string, options: { isStrict: boolean }) {
  let text: string;
  try {
    text = fs.readFileSync(file, "utf8");
  } catch {
    throw new CommandError(exitCodes.notFound, "no_infraspec", `There is no ${path.basename(file)} in ${path.dirname(file)}.`, {
      hint: "`norns init` writes one; `norns validate --all` checks the catalogue.",
    });
  }
  const { spec, findings } = parseInfraspec(text, { strictSecrets: options.isStrict });
  return {
    app: spec?.name ?? path.basename(path.dirname(file)),
    valid: !findings.some((finding) => finding.severity === "error"),
    findings,
  };
}

/** The name of the app that a spec describes; a spec that is not valid is said to be so before anything is sent. */
export function appNamedIn(text: string): string {
  const { spec, findings } = parseInfraspec(text);
  const errors = findings.filter((finding) => finding.severity === "error");
  if (spec && errors.length === 0) return spec.name;
  const shown = errors
    .slice(0, 5)
    .map(
      (finding) =>
        `${finding.line === undefined ? "" : `line ${finding.line}: `}${finding.field ? `${finding.field}: ` : ""}${finding.message}`,
    );
  throw new CommandError(exitCodes.failed, "infraspec_invalid", `infraspec.yaml is not valid.\n       ${shown.join("\n       ")}`, {
    hint: "`norns validate` shows all findings; fix, commit, deploy.",
  });
}
