/**
 * Where state is kept. Two dialects, PostgreSQL and SQLite (D1): SQL outside `adapters/stores` stays in the subset that
 * both speak: text ids, integer milliseconds, JSON as text, only string, number and null bound, no interactive
 * transaction. Many rows travel as ONE bound JSON parameter (D1 allows 100 parameters a statement).
 */
import type { CompiledQuery, Kysely } from "kysely";

export type Dialect = "postgres" | "sqlite";

/** Anything Kysely can compile: a builder, or `sql`…`` bound to an executor. */
export interface Query<Row = unknown> {
  compile(): CompiledQuery<Row>;
}

export interface QueryResult<Row = unknown> {
  readonly rows: Row[];
  readonly numAffectedRows: number;
}

export interface Store {
  readonly dialect: Dialect;
  /**
   * A Kysely over one room's tables. On PostgreSQL the tables live in the schema `schema`; on SQLite the name is
   * prefixed: `<schema>_<table>` is NOT done, table names are unique across rooms instead.
   */
  tables<Tables>(schema: string): Kysely<Tables>;
  /**
   * Runs all queries or none, in order, in one transaction. Throws NornsError: `conflict` with code
   * `unique_violation` (details.constraint) or `guard_failed` (a `Write.require` that did not hold), `unavailable` when
   * the database is away or the transaction should be tried again.
   */
  batch(queries: readonly Query[]): Promise<QueryResult[]>;
}
