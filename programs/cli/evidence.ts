/** Why an operation failed, as lines: the message, then what each instance answered, how it ended, what it last said. Pure. */
import { plain, wrap, type Terminal } from "./terminal.ts";

export interface Failure {
  readonly message: string;
  readonly code: string;
  readonly step?: string | undefined;
  readonly details?: unknown;
}

const mostLines = 12;

/** `withOutput` false: it has been shown already. */
export function failureLines(error: Failure, terminal: Terminal, { withOutput = true }: { withOutput?: boolean } = {}): string[] {
  const [first = "", ...more] = terminal.isLive ? wrap(plain(error.message), terminal.columns - 2) : [plain(error.message)];
  const lines = [`${terminal.paint("failed", "✕")} ${first}`, ...more.map((line) => `  ${line}`)];
  const details = recordOf(error.details);
  if (!details) return lines;
  for (const seen of listOf(details["evidence"])) lines.push(...evidenceLines(seen, terminal));
  for (const finding of listOf(details["findings"]))
    lines.push(
      `  ${finding["line"] === undefined ? "" : `line ${textOf(finding["line"])}: `}${textOf(finding["field"])}: ${textOf(finding["message"])}`,
    );
  if (withOutput) lines.push(...block("last output", details["output"]));
  return lines;
}

/** One instance: `web.0 at 127.0.0.1:22124 answered 500`, the body, the exit, the last lines of its log. */
function evidenceLines(seen: Readonly<Record<string, unknown>>, terminal: Terminal): string[] {
  const who = `${textOf(seen["process"])}.${textOf(seen["index"])}`;
  const lines: string[] = [];
  if (seen["status"] !== undefined) lines.push(`  ${who} answered ${textOf(seen["status"])}`);
  if (typeof seen["error"] === "string") lines.push(`  ${who} ${textOf(seen["error"])}`);
  lines.push(...block("answer", seen["body"]));
  const exit = recordOf(seen["exit"]);
  if (exit)
    lines.push(
      `  ${who} ended ${exit["signal"] ? `by ${textOf(exit["signal"])}` : `with code ${textOf(exit["code"])}`}${exit["reason"] ? ` (${textOf(exit["reason"])})` : ""}`,
    );
  lines.push(...block("last lines", seen["logs"]));
  return lines.map((line) => (line.startsWith("    ") ? terminal.dim(line) : line));
}

/** A heading and the end of a text, a line each; runs of equal lines are told once. */
function block(heading: string, value: unknown): string[] {
  const all = (Array.isArray(value) ? value.map(textOf) : typeof value === "string" ? value.trimEnd().split("\n") : []).map(plain);
  const told: string[] = [];
  let times = 1;
  for (const [place, line] of all.entries()) {
    if (line === all[place + 1]) times++;
    else {
      told.push(times > 1 ? `${line}  (${times} times)` : line);
      times = 1;
    }
  }
  if (told.length === 0 || told.join("") === "") return [];
  const shown = told.slice(-mostLines).map((line) => `    ${line}`);
  return [`  ${heading}${told.length > mostLines ? `, ${told.length - mostLines} before them` : ""}`, ...shown];
}

const recordOf = (value: unknown): Readonly<Record<string, unknown>> | undefined =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
const listOf = (value: unknown): Readonly<Record<string, unknown>>[] =>
  Array.isArray(value) ? value.map(recordOf).filter((one) => one !== undefined) : [];
const textOf = (value: unknown): string => (typeof value === "string" ? plain(value) : typeof value === "number" ? String(value) : "");
