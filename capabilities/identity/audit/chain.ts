/**
 * The chain: each row's hash covers the row and the hash before it, keyed, so that whoever can write to the database
 * but does not have the server's key cannot make a changed chain that verifies.
 */
import { createHash, createHmac } from "node:crypto";
import type { AuditRowTable } from "./tables.ts";

/** What the first row is chained to. */
export const genesis = "0".repeat(64);

export interface ChainKey {
  readonly id: string;
  readonly secret: string;
}

/** The id tells keys apart and nothing about them. */
export function toChainKey(secret: string): ChainKey {
  return { id: createHash("sha256").update(`audit key id:${secret}`).digest("hex").slice(0, 12), secret };
}

export type ChainedFields = Omit<AuditRowTable, "hash" | "key_id" | "seq">;

/** Fields in a fixed order, as JSON: no two different rows give the same text. */
const textOf = (row: ChainedFields): string =>
  JSON.stringify([
    row.id,
    row.at,
    row.workspace,
    row.actor_kind,
    row.actor_id,
    row.actor_label,
    row.action,
    row.subject,
    row.before,
    row.after,
    row.operation,
    row.request_id,
  ]);

export const hashOf = (row: ChainedFields, seq: number, previousHash: string, key: ChainKey): string =>
  createHmac("sha256", key.secret)
    .update(`${previousHash}\n${seq}\n${key.id}\n${textOf(row)}`)
    .digest("hex");
