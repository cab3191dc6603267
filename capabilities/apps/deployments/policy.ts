import type { Action } from "@norns/kernel/actor";

export const readDeployments: Action = { name: "deployments.read", role: "viewer", scope: "apps:read" };
export const deploy: Action = { name: "apps.deploy", role: "editor", scope: "apps:write" };
export const rollBack: Action = { name: "apps.rollback", role: "editor", scope: "apps:write" };
export const preflight: Action = { name: "apps.preflight", role: "editor", scope: "apps:write" };
/** Taking an app away is more than running it. */
export const remove: Action = { name: "apps.remove", role: "admin", scope: "apps:write" };
export const register: Action = { name: "apps.register", role: "editor", scope: "apps:write" };
