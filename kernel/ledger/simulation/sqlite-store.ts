/**
 * A store in memory over Node's own SQLite: the same statements as D1 gets, without a process, a socket or a clock. All
 * of it is synchronous underneath, so the simulation decides when anything happens.
 */
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { CompiledQuery, Kysely, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler, type DatabaseConnection } from "kysely";
import type { Query, QueryResult, Store } from "../../database/index.ts";
import { conflict, unavailable } from "../../errors/index.ts";

export interface SqliteStore extends Store {
  readonly dialect: "sqlite";
  /** All queries or none, at once: what `batch` does, without the promise. */
  batchNow(queries: readonly CompiledQuery[]): QueryResult[];
  /** Takes every row out of every table, for the next run. */
  clear(tables: readonly string[]): void;
  close(): void;
}

type Value = string | number | null;

export function openSqlite(): SqliteStore {
  const database = new DatabaseSync(":memory:");
  const prepared = new Map<string, StatementSync>();
  const prepare = (text: string): StatementSync => {
    let statement = prepared.get(text);
    if (!statement) prepared.set(text, (statement = database.prepare(text)));
    return statement;
  };

  function execute(query: CompiledQuery): QueryResult {
    const statement = prepare(query.sql);
    // Room code binds strings, numbers and nulls only: that is the portable subset.
    const parameters = query.parameters as Value[];
    if (statement.columns().length > 0) {
      const rows = statement.all(...parameters);
      return { rows, numAffectedRows: rows.length };
    }
    return { rows: [], numAffectedRows: Number(statement.run(...parameters).changes) };
  }

  function batchNow(queries: readonly CompiledQuery[]): QueryResult[] {
    if (queries.length === 1) {
      try {
        return [execute(queries[0]!)];
      } catch (error) {
        throw toNornsError(error);
      }
    }
    database.exec("begin");
    try {
      const results = queries.map(execute);
      database.exec("commit");
      return results;
    } catch (error) {
      database.exec("rollback");
      throw toNornsError(error);
    }
  }

  const connection: DatabaseConnection = {
    executeQuery: async <R>(query: CompiledQuery) => {
      const { rows, numAffectedRows } = batchNow([query])[0]!;
      return { rows: rows as R[], numAffectedRows: BigInt(numAffectedRows) };
    },
    streamQuery: () => {
      throw new Error("Rows are not streamed here.");
    },
  };
  const nothing = async () => {};
  const db = new Kysely<unknown>({
    dialect: {
      createAdapter: () => new SqliteAdapter(),
      createIntrospector: (of) => new SqliteIntrospector(of),
      createQueryCompiler: () => new SqliteQueryCompiler(),
      createDriver: () => ({
        init: nothing,
        acquireConnection: async () => connection,
        beginTransaction: nothing,
        commitTransaction: nothing,
        rollbackTransaction: nothing,
        releaseConnection: nothing,
        destroy: nothing,
      }),
    },
  });

  return {
    dialect: "sqlite",
    tables<Tables>(): Kysely<Tables> {
      // Table names are unique across rooms, so every schema is this one database.
      return db as Kysely<Tables>;
    },
    batch: async (queries: readonly Query[]) => batchNow(queries.map((query) => query.compile())),
    batchNow,
    clear(tables) {
      for (const table of tables) database.exec(`delete from ${table}`);
    },
    close() {
      prepared.clear();
      database.close();
    },
  };
}

function toNornsError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  if (error.message.includes("CHECK constraint failed: n = 1") || error.message.includes("assert_one"))
    return conflict("guard_failed", "Something changed meanwhile.", { cause: error });
  if (error.message.includes("UNIQUE constraint failed")) return conflict("unique_violation", "It exists already.", { cause: error });
  if (error.message.includes("locked") || error.message.includes("busy"))
    return unavailable("database_busy", "The database is busy.", { cause: error });
  return error;
}
