import type { Kysely } from "kysely";
import type { Role } from "@norns/kernel/actor";
import type { Store } from "@norns/kernel/database";
import type { ApiKeyId, UserId, WorkspaceId } from "@norns/kernel/ids";
import type { ApiKeyTables } from "./tables.ts";

/** The only place that names the room's table. */
export function createApiKeyStore(store: Store) {
  const db: Kysely<ApiKeyTables> = store.tables<ApiKeyTables>("identity");
  return {
    findByHmac: (hmac: string) => db.selectFrom("api_keys").selectAll().where("hmac", "=", hmac).executeTakeFirst(),
    find: (workspace: WorkspaceId, id: ApiKeyId) =>
      db.selectFrom("api_keys").selectAll().where("workspace", "=", workspace).where("id", "=", id).executeTakeFirst(),
    list: (workspace: WorkspaceId) =>
      db
        .selectFrom("api_keys")
        .selectAll()
        .where("workspace", "=", workspace)
        .orderBy("created_at", "desc")
        .orderBy("id", "desc")
        .execute(),
    insert: (row: ApiKeyTables["api_keys"]) => db.insertInto("api_keys").values(row),
    revoke: (id: ApiKeyId, at: number) =>
      db.updateTable("api_keys").set({ revoked_at: at }).where("id", "=", id).where("revoked_at", "is", null),
    touch: (id: ApiKeyId, at: number, before: number) =>
      db
        .updateTable("api_keys")
        .set({ last_used_at: at })
        .where("id", "=", id)
        .where((eb) => eb.or([eb("last_used_at", "is", null), eb("last_used_at", "<", before)])),
    setRoleOfMaker: (workspace: WorkspaceId, user: UserId, role: Role) =>
      db.updateTable("api_keys").set({ role }).where("workspace", "=", workspace).where("created_by", "=", user),
    revokeOfMaker: (workspace: WorkspaceId, user: UserId, at: number) =>
      db
        .updateTable("api_keys")
        .set({ revoked_at: at })
        .where("workspace", "=", workspace)
        .where("created_by", "=", user)
        .where("revoked_at", "is", null),
    revokeAll: (workspace: WorkspaceId, at: number) =>
      db.updateTable("api_keys").set({ revoked_at: at }).where("workspace", "=", workspace).where("revoked_at", "is", null),
  };
}
export type ApiKeyStore = ReturnType<typeof createApiKeyStore>;
