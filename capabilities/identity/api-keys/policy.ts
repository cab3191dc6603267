/** No scope: a key is made, read and revoked by people, so a leaked key cannot make itself a successor. */
import type { Action } from "@norns/kernel/actor";

export const readKeys: Action = { name: "apiKeys.read", role: "viewer" };
export const createKey: Action = { name: "apiKeys.create", role: "admin" };
export const revokeKey: Action = { name: "apiKeys.revoke", role: "admin" };

export const apiKeyActions = [readKeys, createKey, revokeKey] as const;
