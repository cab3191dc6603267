import type { Action } from "@norns/kernel/actor";

export const readApps: Action = { name: "apps.read", role: "viewer", scope: "apps:read" };
export const writeApps: Action = { name: "apps.write", role: "editor", scope: "apps:write" };
