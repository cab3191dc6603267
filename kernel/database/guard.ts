/**
 * Optimistic writes: "commit all of this only if that row is still as I saw it". The guard inserts the number of rows
 * that `query` finds into a table whose one column may only hold 1, and takes the row out again; any other number
 * aborts the whole batch with `conflict` `guard_failed`, on PostgreSQL and SQLite alike.
 *
 * ```ts
 * requireOne(write, store, apps.selectFrom("app").select("id").where("id", "=", id).where("version", "=", seen));
 * ```
 *
 * It reads without locking: two writes that must not both pass also need to change the row they guard (the second then
 * waits for the first and counts again), or a unique key.
 */
import { sql, type CompiledQuery, type Kysely, type RawBuilder } from "kysely";
import { rawTable } from "./raw-table.ts";
import type { Query, Store } from "./store.ts";
import type { Write } from "./write.ts";
import type { Migration } from "./migrator.ts";

/** `query` selects the rows that must be exactly one. Many guards may stand in one write. */
export function requireOne(write: Write, store: Store, query: Query): void {
  const db = store.tables<unknown>("kernel");
  write.addFirst(countInto(db, query));
  write.addFirst({ compile: () => sql`delete from ${sql.table("assert_one")}`.compile(db) });
}

/**
 * The same in place: counted after the queries added so far, in their transaction. For "change the row if it is still so,
 * and undo everything if it was not": the change locks the row, so of two writes the second counts what the first left.
 */
export function requireOneHere(write: Write, store: Store, query: Query): void {
  const db = store.tables<unknown>("kernel");
  write.add(countInto(db, query));
  write.add({ compile: () => sql`delete from ${sql.table("assert_one")}`.compile(db) });
}

function countInto(db: Kysely<unknown>, query: Query): Query {
  return {
    compile() {
      const inner = query.compile();
      const { sql: text, ...rest } = sql`insert into ${sql.table("assert_one")} (n) select count(*) from (`.compile(db);
      // Joined as text because the inner query belongs to another room's schema; its parameters are the only ones.
      return { ...rest, sql: `${text}${inner.sql}) as guarded`, parameters: inner.parameters } as CompiledQuery<unknown>;
    },
  };
}

/** The guard's table; its check constraint's name is what the adapters recognise. */
export const guardMigration: Migration = {
  id: "0001-guard",
  statements: (db) => [
    db.schema.createTable("assert_one").addColumn("n", "integer", (column) => column.notNull().check(sql`n = 1`)),
  ],
};
