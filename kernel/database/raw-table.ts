import { sql, type RawBuilder } from "kysely";
import type { Store } from "./store.ts";

/**
 * A table's name for a raw `sql` statement, with its schema on PostgreSQL and without on SQLite. Kysely adds the schema
 * to tables that its builders name, not to those inside raw SQL.
 *
 * ```ts
 * sql`update ${rawTable(store, "kernel", "operations")} set …`
 * ```
 */
export const rawTable = (store: Pick<Store, "dialect">, schema: string, table: string): RawBuilder<unknown> =>
  sql.table(store.dialect === "postgres" ? `${schema}.${table}` : table);
