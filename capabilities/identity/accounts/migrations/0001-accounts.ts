import type { Migration } from "@norns/kernel/database";

export const accounts0001: Migration = {
  id: "0001-accounts",
  statements: (db) => [
    db.schema
      .createTable("users")
      .addColumn("id", "text", (column) => column.primaryKey())
      .addColumn("name", "text", (column) => column.notNull())
      .addColumn("email", "text", (column) => column.notNull().unique())
      .addColumn("email_verified", "integer", (column) => column.notNull().defaultTo(0))
      .addColumn("image", "text")
      .addColumn("is_platform_admin", "integer", (column) => column.notNull().defaultTo(0))
      .addColumn("created_at", "bigint", (column) => column.notNull())
      .addColumn("updated_at", "bigint", (column) => column.notNull()),
    db.schema
      .createTable("sessions")
      .addColumn("id", "text", (column) => column.primaryKey())
      .addColumn("user_id", "text", (column) => column.notNull().references("users.id").onDelete("cascade"))
      .addColumn("token_hmac", "text", (column) => column.notNull().unique())
      .addColumn("ip_address", "text")
      .addColumn("user_agent", "text")
      .addColumn("expires_at", "bigint", (column) => column.notNull())
      .addColumn("created_at", "bigint", (column) => column.notNull())
      .addColumn("updated_at", "bigint", (column) => column.notNull()),
    db.schema.createIndex("sessions_by_user").on("sessions").column("user_id"),
    db.schema
      .createTable("credentials")
      .addColumn("id", "text", (column) => column.primaryKey())
      .addColumn("user_id", "text", (column) => column.notNull().references("users.id").onDelete("cascade"))
      .addColumn("account_id", "text", (column) => column.notNull())
      .addColumn("provider_id", "text", (column) => column.notNull())
      .addColumn("password", "text")
      .addColumn("access_token", "text")
      .addColumn("refresh_token", "text")
      .addColumn("id_token", "text")
      .addColumn("access_token_expires_at", "bigint")
      .addColumn("refresh_token_expires_at", "bigint")
      .addColumn("scope", "text")
      .addColumn("created_at", "bigint", (column) => column.notNull())
      .addColumn("updated_at", "bigint", (column) => column.notNull())
      .addUniqueConstraint("credentials_provider_account", ["provider_id", "account_id"]),
    db.schema.createIndex("credentials_by_user").on("credentials").column("user_id"),
    db.schema
      .createTable("verifications")
      .addColumn("id", "text", (column) => column.primaryKey())
      .addColumn("identifier", "text", (column) => column.notNull())
      .addColumn("value", "text", (column) => column.notNull())
      .addColumn("expires_at", "bigint", (column) => column.notNull())
      .addColumn("created_at", "bigint", (column) => column.notNull())
      .addColumn("updated_at", "bigint", (column) => column.notNull()),
    db.schema.createIndex("verifications_by_identifier").on("verifications").column("identifier"),
    db.schema
      .createTable("installation")
      .addColumn("name", "text", (column) => column.primaryKey())
      .addColumn("value", "text", (column) => column.notNull())
      .addColumn("at", "bigint", (column) => column.notNull()),
    db.schema
      .createTable("socket_tickets")
      .addColumn("hash", "text", (column) => column.primaryKey())
      .addColumn("bearer", "text", (column) => column.notNull())
      .addColumn("expires_at", "bigint", (column) => column.notNull()),
  ],
};
