import { sql } from "kysely";
import type { RoomMigrations } from "../database/index.ts";

export const vaultMigrations: RoomMigrations = {
  schema: "kernel",
  room: "kernel/vault",
  migrations: [
    {
      id: "0001-key",
      statements: (db) => [
        db.schema
          .createTable("vault_key")
          .addColumn("id", "integer", (column) => column.primaryKey().check(sql`id = 1`))
          .addColumn("key_id", "text", (column) => column.notNull())
          .addColumn("check_value", "text", (column) => column.notNull())
          .addColumn("at", "bigint", (column) => column.notNull()),
      ],
    },
  ],
};
