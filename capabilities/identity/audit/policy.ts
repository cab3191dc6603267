import type { Action } from "@norns/kernel/actor";

/** The trail of the request's workspace. Keys act as editors at most, so a key never reads it. */
export const readAudit: Action = { name: "audit.read", role: "admin", scope: "monitoring:read" };
/** The chain spans all workspaces: whoever checks it learns how much happens in all of them. */
export const verifyAudit: Action = { name: "audit.verify", role: "admin", scope: "monitoring:read" };

export const auditActions = [readAudit, verifyAudit] as const;
