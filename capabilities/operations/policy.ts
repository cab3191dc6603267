import type { Action } from "@norns/kernel/actor";

export const readOperations: Action = { name: "operations.read", role: "viewer", scope: "apps:read" };
/** Cancel and retry. The operation's own workspace decides, not the request's. */
export const steerOperations: Action = { name: "operations.steer", role: "editor", scope: "apps:write" };
/** Queues are the installation's: it takes a member of workspace `default`. */
export const readQueues: Action = { name: "operations.queues", role: "viewer", scope: "monitoring:read" };

export const readEvents: Action = { name: "events.read", role: "viewer", scope: "apps:read" };
/** The same log over a socket. */
export const followEvents: Action = { name: "events.follow", role: "viewer", scope: "apps:read" };
