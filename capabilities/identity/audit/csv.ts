import type { AuditRow } from "./contract.ts";

const columns = [
  "seq",
  "id",
  "at",
  "workspace",
  "actor",
  "actorKind",
  "actorId",
  "action",
  "subject",
  "before",
  "after",
  "operation",
  "requestId",
  "hash",
] as const;

export const csvHeading = `${columns.join(",")}\r\n`;

/** RFC 4180. A cell that a spreadsheet would run as a formula gets an apostrophe in front. */
export function toCsvLine(row: AuditRow): string {
  const cells = [
    row.seq,
    row.id,
    new Date(row.at).toISOString(),
    row.workspace,
    row.actor.label,
    row.actor.kind,
    row.actor.id,
    row.action,
    row.subject,
    row.before === null ? "" : JSON.stringify(row.before),
    row.after === null ? "" : JSON.stringify(row.after),
    row.operation,
    row.requestId,
    row.hash,
  ];
  return `${cells.map((cell) => toCell(cell === null ? "" : String(cell))).join(",")}\r\n`;
}

function toCell(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
