import type { Kysely } from "kysely";
import type { Migration } from "@norns/kernel/database";
import type { ProcessesTables } from "../tables.ts";

export const desiredState: Migration = {
  id: "0001-desired-state",
  statements: (db) => [
    db.schema
      .createTable("current_releases")
      .addColumn("app", "text", (column) => column.primaryKey())
      .addColumn("workspace", "text", (column) => column.notNull())
      .addColumn("release_id", "text", (column) => column.notNull())
      .addColumn("number", "integer", (column) => column.notNull())
      .addColumn("commit_sha", "text", (column) => column.notNull())
      .addColumn("engine", "text", (column) => column.notNull())
      .addColumn("node", "text", (column) => column.notNull())
      .addColumn("spec_json", "text", (column) => column.notNull())
      .addColumn("artifact_json", "text", (column) => column.notNull())
      .addColumn("switched_at", "bigint", (column) => column.notNull()),
    db.schema
      .createTable("app_scales")
      .addColumn("app", "text", (column) => column.notNull())
      .addColumn("process", "text", (column) => column.notNull())
      .addColumn("workspace", "text", (column) => column.notNull())
      .addColumn("count", "integer", (column) => column.notNull())
      .addColumn("updated_at", "bigint", (column) => column.notNull())
      .addPrimaryKeyConstraint("app_scales_pkey", ["app", "process"]),
    db.schema
      .createTable("desired_versions")
      .addColumn("id", "integer", (column) => column.primaryKey())
      .addColumn("version", "bigint", (column) => column.notNull()),
    // The cast: the table is the one just made.
    (db as Kysely<ProcessesTables>).insertInto("desired_versions").values({ id: 1, version: 1 }),
  ],
};
