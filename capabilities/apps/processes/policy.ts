import type { Action } from "@norns/kernel/actor";

export const readApps: Action = { name: "apps.read", role: "viewer", scope: "apps:read" };
/** Logs may hold what an app should not have printed: a role above looking at states would be right, the seed has none. */
export const readLogs: Action = { name: "apps.logs", role: "viewer", scope: "apps:read" };
export const restart: Action = { name: "apps.restart", role: "editor", scope: "apps:write" };
export const scale: Action = { name: "apps.scale", role: "editor", scope: "apps:write" };
