import type { Migration } from "@norns/kernel/database";

export const releasesAndDeployments: Migration = {
  id: "0001-releases-and-deployments",
  statements: (db) => [
    db.schema
      .createTable("releases")
      .addColumn("id", "text", (column) => column.primaryKey())
      .addColumn("workspace", "text", (column) => column.notNull())
      .addColumn("app", "text", (column) => column.notNull())
      .addColumn("number", "integer", (column) => column.notNull())
      .addColumn("state", "text", (column) => column.notNull())
      .addColumn("commit_sha", "text", (column) => column.notNull())
      .addColumn("ref", "text", (column) => column.notNull())
      .addColumn("subject", "text", (column) => column.notNull())
      .addColumn("spec_text", "text", (column) => column.notNull())
      .addColumn("spec_json", "text", (column) => column.notNull())
      .addColumn("artifact_json", "text")
      .addColumn("engine", "text", (column) => column.notNull())
      .addColumn("node", "text", (column) => column.notNull())
      .addColumn("operation", "text", (column) => column.notNull())
      .addColumn("created_at", "bigint", (column) => column.notNull())
      .addColumn("current_since", "bigint"),
    db.schema.createIndex("releases_app_number").on("releases").columns(["app", "number"]).unique(),
    db.schema
      .createTable("deployments")
      .addColumn("id", "text", (column) => column.primaryKey())
      .addColumn("workspace", "text", (column) => column.notNull())
      .addColumn("app", "text", (column) => column.notNull())
      .addColumn("kind", "text", (column) => column.notNull())
      .addColumn("ref", "text", (column) => column.notNull())
      .addColumn("actor", "text", (column) => column.notNull())
      .addColumn("release_id", "text", (column) => column.notNull())
      .addColumn("release_number", "integer")
      .addColumn("commit_sha", "text", (column) => column.notNull())
      .addColumn("image_tag", "text", (column) => column.notNull())
      .addColumn("from_release_id", "text")
      .addColumn("from_release_number", "integer")
      .addColumn("automatic_from", "text")
      .addColumn("created_at", "bigint", (column) => column.notNull())
      .addColumn("switched_at", "bigint")
      .addColumn("finished_at", "bigint")
      .addColumn("outcome", "text")
      .addColumn("error_json", "text"),
    db.schema.createIndex("deployments_automatic_from").on("deployments").column("automatic_from").unique(),
    // Ids sort by creation, so they are the order and the cursor.
    db.schema.createIndex("deployments_workspace_id").on("deployments").columns(["workspace", "id"]),
    db.schema.createIndex("deployments_app_id").on("deployments").columns(["app", "id"]),
    db.schema.createIndex("deployments_created_at").on("deployments").columns(["workspace", "created_at"]),
  ],
};
