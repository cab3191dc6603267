/** The audit trail's words and shapes: who did what to what, with what was before and what is after. */
import { pageQuery, z } from "@norns/kernel/http";
import type { Actor } from "@norns/kernel/actor";
import type { Write } from "@norns/kernel/database";
import type { Subject } from "@norns/kernel/events";
import type { AuditId, OperationId, WorkspaceId } from "@norns/kernel/ids";
import type { Json } from "@norns/kernel/ledger";

export interface AuditEntry {
  readonly workspace: WorkspaceId;
  /** Who did it. A part of Norns that acts by itself gives its name. */
  readonly actor: Pick<Actor, "kind" | "id" | "label">;
  /** Room and verb, as the policy names it: `apps.deploy`, `workspaces.changeRole`. */
  readonly action: string;
  readonly subject: Subject;
  /** What was, and what is. Values under names that sound like secrets are replaced by `[hidden]`. */
  readonly before?: Json | undefined;
  readonly after?: Json | undefined;
  readonly operation?: OperationId | undefined;
  readonly requestId?: string | undefined;
}

export interface AuditQuery {
  readonly workspace?: WorkspaceId;
  readonly actor?: string;
  readonly action?: string;
  readonly subject?: string;
  /** Milliseconds since the epoch, both included. */
  readonly from?: number;
  readonly to?: number;
}

export interface Audit {
  /** Adds the row to the write: it exists exactly if the change does. */
  record(write: Write, entry: AuditEntry): void;
  /** Newest first. `cursor` is the one the page before gave. */
  list(query: AuditQuery & { limit: number; cursor?: string | undefined }): Promise<{ rows: AuditRow[]; cursor?: string }>;
  /** All that matches, newest first, as CSV with a heading, piece by piece. */
  exportCsv(query: AuditQuery, signal: AbortSignal): AsyncIterable<string>;
  /** Reads the whole chain and says whether it holds. */
  verify(signal?: AbortSignal): Promise<AuditVerification>;
}

/** Chains rows, a batch at a time. Any number may run at once on one database. */
export interface Sealer {
  /** Seals what is there and returns how many rows. */
  sealNow(): Promise<number>;
  /** There is a new row: `run` seals it within a second. */
  lookSoon(): void;
  /** Seals, until the signal: what it is called for within a second, what others left behind within a few. */
  run(signal: AbortSignal): Promise<void>;
}

const json: z.ZodType<Json> = z.any();

export const auditRow = z
  .object({
    id: z.string(),
    /** Place in the chain; null until the row is sealed. */
    seq: z.number().int().nullable(),
    at: z.number().int(),
    workspace: z.string(),
    actor: z.object({ kind: z.string(), id: z.string(), label: z.string() }),
    action: z.string(),
    subject: z.string(),
    before: json.nullable(),
    after: json.nullable(),
    operation: z.string().nullable(),
    requestId: z.string().nullable(),
    hash: z.string().nullable(),
  })
  .openapi("AuditRow");
export type AuditRow = Omit<z.infer<typeof auditRow>, "id"> & { id: AuditId };

export const auditVerification = z
  .object({
    ok: z.boolean(),
    /** Rows whose place in the chain was checked. */
    checked: z.number().int(),
    /** Committed and not yet chained; a second later they are. */
    unsealed: z.number().int(),
    oldestUnsealedAt: z.number().int().nullable(),
    firstBroken: z
      .object({
        seq: z.number().int(),
        id: z.string().nullable(),
        reason: z.enum(["changed", "missing", "reordered", "truncated", "unknown_key"]),
      })
      .nullable(),
    /** The last row's hash: note it elsewhere to be able to prove later that nothing before it was changed. */
    head: z.object({ seq: z.number().int(), hash: z.string() }),
  })
  .openapi("AuditVerification");
export type AuditVerification = z.infer<typeof auditVerification>;

export const auditFilters = pageQuery(100, 500).extend({
  actor: z.string().max(300).optional(),
  action: z.string().max(100).optional(),
  subject: z.string().max(300).optional(),
  from: z.coerce.number().int().nonnegative().optional(),
  to: z.coerce.number().int().nonnegative().optional(),
  format: z.enum(["json", "csv"]).default("json"),
});
