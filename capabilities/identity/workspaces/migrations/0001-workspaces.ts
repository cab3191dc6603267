import type { Migration } from "@norns/kernel/database";

export const workspaces0001: Migration = {
  id: "0001-workspaces",
  statements: (db) => [
    db.schema
      .createTable("workspaces")
      .addColumn("id", "text", (column) => column.primaryKey())
      .addColumn("slug", "text", (column) => column.notNull().unique())
      .addColumn("name", "text", (column) => column.notNull())
      .addColumn("created_by", "text", (column) => column.notNull())
      .addColumn("created_at", "bigint", (column) => column.notNull())
      .addColumn("updated_at", "bigint", (column) => column.notNull()),
    db.schema
      .createTable("workspace_members")
      .addColumn("workspace", "text", (column) => column.notNull().references("workspaces.id").onDelete("cascade"))
      .addColumn("user_id", "text", (column) => column.notNull())
      .addColumn("role", "text", (column) => column.notNull())
      .addColumn("created_at", "bigint", (column) => column.notNull())
      .addPrimaryKeyConstraint("workspace_members_pkey", ["workspace", "user_id"]),
    db.schema.createIndex("workspace_members_by_user").on("workspace_members").column("user_id"),
    db.schema
      .createTable("workspace_invitations")
      .addColumn("id", "text", (column) => column.primaryKey())
      .addColumn("workspace", "text", (column) => column.notNull().references("workspaces.id").onDelete("cascade"))
      .addColumn("email", "text", (column) => column.notNull())
      .addColumn("role", "text", (column) => column.notNull())
      .addColumn("token_hmac", "text", (column) => column.notNull().unique())
      .addColumn("invited_by", "text", (column) => column.notNull())
      .addColumn("invited_by_label", "text", (column) => column.notNull())
      .addColumn("created_at", "bigint", (column) => column.notNull())
      .addColumn("expires_at", "bigint", (column) => column.notNull())
      .addColumn("accepted_at", "bigint")
      .addColumn("accepted_by", "text")
      .addColumn("revoked_at", "bigint"),
    db.schema.createIndex("workspace_invitations_by_workspace").on("workspace_invitations").columns(["workspace", "created_at"]),
    db.schema.createIndex("workspace_invitations_by_email").on("workspace_invitations").column("email"),
  ],
};
