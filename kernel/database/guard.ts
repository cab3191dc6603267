/**
 * Optimistic writes: "commit all of this only if that row is still as I saw it". The guard inserts the number of rows
 * that `query` finds into a table whose one column may only hold 1, and takes the row out again; any other number
 * aborts the whole batch with `conflict` `guard_failed`, on PostgreSQL and SQLite alike.
 *
 * ```ts
 * requireOne(write, store, apps.selectFrom("app").select("id").where("id", "=", id).where("version", "=", seen));
 * ```
 *
 * `query` is a plain select of rows (no grouping, no distinct). On PostgreSQL the rows it finds stay locked until the
 * commit: of two writes with the same guard the second waits, counts again and aborts if the first changed the row. On
 * SQLite batches run one after another anyway.
 */
import { sql } from "kysely";
import { rawTable } from "./raw-table.ts";
import type { Query, Store } from "./store.ts";
import type { Write } from "./write.ts";
import type { Migration } from "./migrator.ts";

/** `query` selects the rows that must be exactly one. Many guards may stand in one write. */
export function requireOne(write: Write, store: Store, query: Query): void {
  for (const part of guardOf(store, query)) write.addFirst(part);
}

/**
 * The same in place: counted after the queries added so far, in their transaction. For "change the row if it is still so,
 * and undo everything if it was not": the change locks the row, so of two writes the second counts what the first left.
 */
export function requireOneHere(write: Write, store: Store, query: Query): void {
  for (const part of guardOf(store, query)) write.add(part);
}

function guardOf(store: Store, query: Query): Query[] {
  const db = store.tables<unknown>("kernel");
  const table = rawTable(store, "kernel", "assert_one");
  const count: Query = {
    compile() {
      const inner = query.compile();
      const outer = sql`insert into ${table} (n) select count(*) from (`.compile(db);
      // Joined as text because the inner query belongs to another room's schema; its parameters are the only ones.
      const lock = store.dialect === "postgres" ? " for no key update" : "";
      return { ...outer, sql: `${outer.sql}${inner.sql}${lock}) as guarded`, parameters: inner.parameters };
    },
  };
  return [count, { compile: () => sql`delete from ${table}`.compile(db) }];
}

/** The guard's table; its check constraint's name is what the adapters recognise. */
export const guardMigration: Migration = {
  id: "0001-guard",
  statements: (db) => [db.schema.createTable("assert_one").addColumn("n", "integer", (column) => column.notNull().check(sql`n = 1`))],
};
