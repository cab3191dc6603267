import type { Migration } from "@norns/kernel/database";

export const appsTable: Migration = {
  id: "0001-apps",
  statements: (db) => [
    db.schema
      .createTable("apps")
      .addColumn("name", "text", (column) => column.primaryKey())
      .addColumn("workspace", "text", (column) => column.notNull())
      .addColumn("directory", "text")
      .addColumn("location", "text", (column) => column.notNull())
      .addColumn("engine", "text", (column) => column.notNull())
      .addColumn("spec_text", "text", (column) => column.notNull())
      .addColumn("good_text", "text")
      .addColumn("notes", "text", (column) => column.notNull())
      .addColumn("is_absent", "integer", (column) => column.notNull())
      .addColumn("registered_by", "text", (column) => column.notNull())
      .addColumn("revision", "text", (column) => column.notNull())
      .addColumn("created_at", "bigint", (column) => column.notNull())
      .addColumn("updated_at", "bigint", (column) => column.notNull()),
    db.schema.createIndex("apps_by_workspace").on("apps").columns(["workspace", "name"]),
  ],
};
