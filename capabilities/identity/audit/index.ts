/** The audit trail: rows in the batch of the change, chained within a second, verified on demand. */
import type { RoomMigrations } from "@norns/kernel/database";
import { audit0001 } from "./migrations/0001-audit.ts";

export type { Audit, AuditEntry, AuditQuery, AuditRow, AuditVerification, Sealer } from "./contract.ts";
export { createAudit, type AuditDeps } from "./audit.ts";
export { createSealer, type SealerDeps } from "./sealer.ts";
export { auditRoutes } from "./routes.ts";
export { auditActions } from "./policy.ts";

export const auditMigrations: RoomMigrations = { schema: "identity", room: "identity/audit", migrations: [audit0001] };
