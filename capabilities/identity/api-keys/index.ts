/** API keys: `nora_…`, bound to one workspace, with fixed scopes. */
import type { RoomMigrations } from "@norns/kernel/database";
import { apiKeys0001 } from "./migrations/0001-api-keys.ts";

export type { ApiKeyAnswer, ApiKeys, FoundKey, NewKey } from "./contract.ts";
export { keyPrefix } from "./contract.ts";
export { createApiKeys, type ApiKeysDeps } from "./api-keys.ts";
export { looksLikeKey } from "./key-value.ts";
export { apiKeyRoutes } from "./routes.ts";
export { apiKeyActions } from "./policy.ts";

export const apiKeyMigrations: RoomMigrations = {
  schema: "identity",
  room: "identity/api-keys",
  migrations: [apiKeys0001],
};
