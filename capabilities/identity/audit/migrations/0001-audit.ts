import { sql, type Kysely } from "kysely";
import type { Migration } from "@norns/kernel/database";
import { genesis } from "../chain.ts";
import type { AuditTables } from "../tables.ts";

export const audit0001: Migration = {
  id: "0001-audit",
  statements: (db) => [
    db.schema
      .createTable("audit_row")
      .addColumn("id", "text", (column) => column.primaryKey())
      .addColumn("seq", "bigint", (column) => column.unique())
      .addColumn("at", "bigint", (column) => column.notNull())
      .addColumn("workspace", "text", (column) => column.notNull())
      .addColumn("actor_kind", "text", (column) => column.notNull())
      .addColumn("actor_id", "text", (column) => column.notNull())
      .addColumn("actor_label", "text", (column) => column.notNull())
      .addColumn("action", "text", (column) => column.notNull())
      .addColumn("subject", "text", (column) => column.notNull())
      .addColumn("before", "text")
      .addColumn("after", "text")
      .addColumn("operation", "text")
      .addColumn("request_id", "text")
      .addColumn("key_id", "text")
      .addColumn("hash", "text"),
    db.schema.createIndex("audit_row_by_workspace").on("audit_row").columns(["workspace", "at", "id"]),
    db.schema.createIndex("audit_row_unsealed").on("audit_row").columns(["at", "id"]).where(sql.ref("seq"), "is", null),
    db.schema
      .createTable("audit_head")
      .addColumn("id", "integer", (column) => column.primaryKey())
      .addColumn("seq", "bigint", (column) => column.notNull())
      .addColumn("hash", "text", (column) => column.notNull()),
    (db as Kysely<AuditTables>).insertInto("audit_head").values({ id: 1, seq: 0, hash: genesis }),
  ],
};
