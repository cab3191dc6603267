import { Kysely, type CompiledQuery, type QueryResult as KyselyResult } from "kysely";
import pg from "pg";
import type { Query, QueryResult, Store } from "@norns/kernel/database";
import { unavailable } from "@norns/kernel/errors";
import { createPostgresDialect } from "./dialect.ts";
import { isConnectionLost, isStalePlan, isTransient, toDatabaseError } from "./errors.ts";
import { runPipeline, type Statement, type StatementResult } from "./pipeline.ts";
import { createStatementNames, type StatementNames } from "./statement-names.ts";

export interface PostgresOptions {
  /** `postgres://user:password@host:port/database`, or with `?host=/directory` for a Unix socket. */
  readonly url: string;
  /** The most connections held at once. Idle ones are closed after 30 s. */
  readonly poolSize?: number;
  /** A statement that runs longer is interrupted and its batch taken back. */
  readonly statementTimeoutMs?: number;
  /** How long a caller waits for a free connection before `unavailable`. */
  readonly connectTimeoutMs?: number;
  /** What `pg_stat_activity` shows. */
  readonly applicationName?: string;
}

export interface PostgresStore extends Store, AsyncDisposable {
  readonly dialect: "postgres";
  readonly url: string;
  /** The pool underneath, for what is PostgreSQL's own: LISTEN, the transport, Better Auth. */
  readonly pool: pg.Pool;
  /** Waits for running queries and closes every connection. Harmless to repeat. */
  close(): Promise<void>;
}

/** How often a batch is repeated by itself after a deadlock or a serialization failure. */
const transientRepeats = 3;

const unnamed: StatementNames = { nameOf: () => undefined };

export function openPostgres(options: PostgresOptions): PostgresStore {
  const pool = new pg.Pool({
    connectionString: options.url,
    max: options.poolSize ?? 10,
    statement_timeout: options.statementTimeoutMs ?? 30_000,
    connectionTimeoutMillis: options.connectTimeoutMs ?? 5_000,
    idleTimeoutMillis: 30_000,
    keepAlive: true,
    application_name: options.applicationName ?? "norns",
  });
  // An idle connection that breaks is dropped by the pool, and the next caller gets a new one: without a listener the
  // event would end the process.
  pool.on("error", () => {});
  // The same for one that breaks in somebody's hands: the query that runs on it fails and says so.
  pool.on("connect", (client) => client.on("error", () => {}));
  const names = createStatementNames();

  const acquire = async (): Promise<pg.PoolClient> => {
    if (pool.ended || pool.ending) throw unavailable("database_closed", "Norns is stopping.");
    try {
      return await pool.connect();
    } catch (error) {
      throw toDatabaseError(error, true);
    }
  };
  const release = (client: pg.PoolClient, error?: unknown): void =>
    client.release(error !== undefined && (isConnectionLost(error) || isStalePlan(error)));

  const runOnce = async (statements: readonly Statement[], under: StatementNames): Promise<StatementResult[]> => {
    const client = await acquire();
    let failure: unknown;
    try {
      return await runPipeline(client, statements, under);
    } catch (error) {
      failure = error;
      throw error;
    } finally {
      release(client, failure);
    }
  };

  /** One transaction, repeated only when the server said that it was taken back and why a repeat may pass. */
  const run = async (statements: readonly Statement[]): Promise<StatementResult[]> => {
    let under = names;
    for (let attempt = 0; ; attempt++) {
      try {
        return await runOnce(statements, under);
      } catch (error) {
        if (under === names && isStalePlan(error)) {
          // The pool's other connections may hold the same old plan: this time without a name.
          under = unnamed;
          continue;
        }
        if (attempt < transientRepeats && isTransient(error)) {
          await new Promise((resolve) => setTimeout(resolve, Math.random() * 20 * (attempt + 1)));
          continue;
        }
        throw toDatabaseError(error, statements.every(isReadOnly));
      }
    }
  };

  const dialect = createPostgresDialect({
    names,
    acquire,
    release,
    async run(query): Promise<KyselyResult<unknown>> {
      const [result] = await run([toStatement(query)]);
      return { rows: result!.rows, numAffectedRows: BigInt(result!.count) };
    },
    toError: (thrown, query) => toDatabaseError(thrown, isReadOnly(toStatement(query))),
  });
  const db = new Kysely<unknown>({ dialect });
  const bySchema = new Map<string, Kysely<unknown>>();
  let closing: Promise<void> | undefined;

  const store: PostgresStore = {
    dialect: "postgres",
    url: options.url,
    pool,
    tables<Tables>(schema: string): Kysely<Tables> {
      let found = bySchema.get(schema);
      if (!found) bySchema.set(schema, (found = db.withSchema(schema)));
      // The tables of a schema are what its room says they are: the one cast between migrations and types.
      return found as Kysely<Tables>;
    },
    async batch(queries: readonly Query[]): Promise<QueryResult[]> {
      if (queries.length === 0) return [];
      const results = await run(queries.map((query) => toStatement(query.compile())));
      return results.map(({ rows, count }) => ({ rows, numAffectedRows: count }));
    },
    close: () => (closing ??= pool.end()),
    [Symbol.asyncDispose]: () => store.close(),
  };
  return store;
}

const toStatement = (query: CompiledQuery): Statement => ({ text: query.sql, values: query.parameters });

/** Only what cannot write: a `with` may hide an insert, a `select` a function, so `select add_job(…)` is told apart. */
const isReadOnly = ({ text }: Statement): boolean => /^\s*select\b/i.test(text) && !/^\s*select\s+[\w."]+\.[\w."]+\(/i.test(text);
