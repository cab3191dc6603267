/** Why an operation failed, as lines: the message, then the health answer, the exit, the last log lines. Pure. */
import { plain, type Terminal } from "./terminal.ts";

interface Failure {
  readonly message: string;
  readonly code: string;
  readonly step?: string | undefined;
  readonly details?: unknown;
}

export function failureLines(error: Failure, terminal: Terminal): string[] {
  const lines = [`${terminal.paint("failed", "✕")} ${plain(error.message)}`];
  const details = asRecord(error.details);
  if (!details) return lines;
  const evidence = asRecord(details["evidence"]) ?? details;
  if (evidence["status"] !== undefined) lines.push(`  answered  ${String(evidence["status"])}`);
  if (typeof evidence["error"] === "string") lines.push(`  health    ${plain(evidence["error"])}`);
  if (typeof evidence["body"] === "string" && evidence["body"] !== "") lines.push("  body", ...indent(evidence["body"], 12));
  const exit = asRecord(details["exit"]);
  if (exit) lines.push(`  exit      ${exit["signal"] ? String(exit["signal"]) : `code ${String(exit["code"])}`}${typeof exit["reason"] === "string" ? ` (${plain(exit["reason"])})` : ""}`);
  const log = details["log"] ?? details["lastLines"] ?? details["output"];
  const text = Array.isArray(log) ? log.map((line) => (typeof line === "string" ? line : String(asRecord(line)?.["text"] ?? ""))).join("\n") : log;
  if (typeof text === "string" && text.trim() !== "") lines.push("  last lines", ...indent(text, 20));
  const findings = details["findings"];
  if (Array.isArray(findings))
    for (const finding of findings) {
      const record = asRecord(finding);
      if (record) lines.push(`  ${record["line"] === undefined ? "" : `line ${String(record["line"])}: `}${plain(String(record["field"]))}: ${plain(String(record["message"]))}`);
    }
  return lines;
}

function indent(text: string, most: number): string[] {
  const lines = text.trimEnd().split("\n");
  const shown = lines.slice(-most).map((line) => `    ${plain(line)}`);
  return lines.length > most ? [`    … ${lines.length - most} lines before`, ...shown] : shown;
}

const asRecord = (value: unknown): Record<string, unknown> | undefined => (typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined);
