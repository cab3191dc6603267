import type { Migration } from "@norns/kernel/database";

export const apiKeys0001: Migration = {
  id: "0001-api-keys",
  statements: (db) => [
    db.schema
      .createTable("api_keys")
      .addColumn("id", "text", (column) => column.primaryKey())
      .addColumn("workspace", "text", (column) => column.notNull())
      .addColumn("label", "text", (column) => column.notNull())
      .addColumn("prefix", "text", (column) => column.notNull())
      .addColumn("hmac", "text", (column) => column.notNull().unique())
      .addColumn("scopes", "text", (column) => column.notNull())
      .addColumn("role", "text", (column) => column.notNull())
      .addColumn("created_by", "text", (column) => column.notNull())
      .addColumn("created_by_label", "text", (column) => column.notNull())
      .addColumn("created_at", "bigint", (column) => column.notNull())
      .addColumn("expires_at", "bigint")
      .addColumn("revoked_at", "bigint")
      .addColumn("last_used_at", "bigint"),
    db.schema.createIndex("api_keys_by_workspace").on("api_keys").columns(["workspace", "created_at"]),
    db.schema.createIndex("api_keys_by_maker").on("api_keys").columns(["created_by", "workspace"]),
  ],
};
