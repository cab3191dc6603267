import { sql, type Kysely } from "kysely";
import { guardMigration, type RoomMigrations } from "../database/index.ts";
import type { EventTables } from "./tables.ts";

/** The kernel's own tables but the ledger's: the guard and the event log. First in every list of rooms. */
export const kernelMigrations: RoomMigrations = {
  schema: "kernel",
  room: "kernel",
  migrations: [
    guardMigration,
    {
      id: "0002-events",
      statements: (db) => [
        db.schema
          .createTable("events")
          .addColumn("seq", "bigint", (column) => column.primaryKey())
          .addColumn("id", "text", (column) => column.notNull().unique())
          .addColumn("at", "bigint", (column) => column.notNull())
          .addColumn("actor", "text", (column) => column.notNull())
          .addColumn("workspace", "text", (column) => column.notNull())
          .addColumn("subject", "text", (column) => column.notNull())
          .addColumn("operation", "text")
          .addColumn("category", "text", (column) => column.notNull())
          .addColumn("action", "text", (column) => column.notNull())
          .addColumn("message", "text", (column) => column.notNull())
          .addColumn("metadata", "text", (column) => column.notNull()),
        db.schema.createIndex("events_by_workspace").on("events").columns(["workspace", "seq"]),
        db.schema.createIndex("events_by_subject").on("events").columns(["subject", "seq"]),
        db.schema
          .createIndex("events_by_operation")
          .on("events")
          .columns(["operation", "seq"])
          .where("operation" as never, "is not", null),
        db.schema.createIndex("events_by_time").on("events").column("at"),
        db.schema
          .createTable("event_sequence")
          .addColumn("id", "integer", (column) => column.primaryKey().check(sql`id = 1`))
          .addColumn("last", "bigint", (column) => column.notNull()),
        // The counter's row is part of the schema: without it nothing can be appended.
        (db as Kysely<EventTables>).insertInto("event_sequence").values({ id: 1, last: 0 }),
      ],
    },
  ],
};
