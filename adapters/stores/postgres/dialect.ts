/** Kysely over the pool: every query, in or out of a batch, goes through the pipeline and its named statements. */
import {
  CompiledQuery,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
} from "kysely";
import type pg from "pg";
import { runPipeline } from "./pipeline.ts";
import type { StatementNames } from "./statement-names.ts";

export interface Connections {
  readonly names: StatementNames;
  /** Takes a connection; rejects with NornsError when there is none. */
  acquire(): Promise<pg.PoolClient>;
  /** Gives it back, or destroys it when the error says that it is broken. */
  release(client: pg.PoolClient, error?: unknown): void;
  /** Runs statements on a connection of the pool, with one repeat when a prepared statement went stale. */
  run(query: CompiledQuery): Promise<QueryResult<unknown>>;
  toError(thrown: unknown, query: CompiledQuery): Error;
}

/** Kysely's connection: outside a transaction a query takes a connection of the pool just for itself. */
class PoolConnection implements DatabaseConnection {
  readonly #connections: Connections;
  transaction: pg.PoolClient | undefined;
  broken: unknown;

  constructor(connections: Connections) {
    this.#connections = connections;
  }

  async executeQuery<Row>(query: CompiledQuery): Promise<QueryResult<Row>> {
    if (!this.transaction) return (await this.#connections.run(query)) as QueryResult<Row>;
    try {
      const [result] = await runPipeline(this.transaction, [{ text: query.sql, values: query.parameters }], this.#connections.names);
      return { rows: result!.rows as Row[], numAffectedRows: BigInt(result!.count) };
    } catch (error) {
      this.broken = error;
      throw this.#connections.toError(error, query);
    }
  }

  // eslint-disable-next-line require-yield
  async *streamQuery<Row>(): AsyncIterableIterator<QueryResult<Row>> {
    throw new Error("Rows are not streamed: page instead.");
  }
}

export function createPostgresDialect(connections: Connections): Dialect {
  const driver: Driver = {
    async init() {},
    async acquireConnection() {
      return new PoolConnection(connections);
    },
    async beginTransaction(connection, settings) {
      const own = connection as PoolConnection;
      own.transaction = await connections.acquire();
      const level = settings.isolationLevel ? ` isolation level ${settings.isolationLevel}` : "";
      await own.executeQuery(CompiledQuery.raw(`start transaction${level}`));
    },
    async commitTransaction(connection) {
      await connection.executeQuery(CompiledQuery.raw("commit"));
    },
    async rollbackTransaction(connection) {
      await connection.executeQuery(CompiledQuery.raw("rollback"));
    },
    async releaseConnection(connection) {
      const own = connection as PoolConnection;
      if (own.transaction) connections.release(own.transaction, own.broken);
      own.transaction = undefined;
    },
    async destroy() {},
  };
  return {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => driver,
    createIntrospector: (db) => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  };
}
