/**
 * The store on Cloudflare D1 (SQLite). Runs inside Workers and, for tests, on miniflare.
 *
 * ```ts
 * export default { fetch: (request, env) => handle(request, openD1(env.DB)) };
 * ```
 */
import {
  Kysely,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  type CompiledQuery,
  type DatabaseConnection,
  type Driver,
  type QueryResult as KyselyResult,
} from "kysely";
import type { Query, QueryResult, Store } from "@norns/kernel/database";
import { bug } from "@norns/kernel/errors";
import type { D1Binding, D1Result, D1Statement } from "./binding.ts";
import { toD1Error } from "./errors.ts";

export type { D1Binding, D1Result, D1Statement };

export function openD1(binding: D1Binding): Store {
  const bound = ({ sql, parameters }: CompiledQuery): D1Statement => {
    for (const value of parameters)
      if (value !== null && typeof value !== "string" && typeof value !== "number")
        throw bug("unbindable_value", `Only text, numbers and null can be bound, not ${value === undefined ? "undefined" : typeof value}.`);
    const statement = binding.prepare(sql);
    return parameters.length > 0 ? statement.bind(...parameters) : statement;
  };

  const connection: DatabaseConnection = {
    async executeQuery<Row>(query: CompiledQuery): Promise<KyselyResult<Row>> {
      try {
        const result = toResult(await bound(query).all());
        // The rows are what the caller's table types say: the one cast between SQL and types.
        return { rows: result.rows as Row[], numAffectedRows: BigInt(result.numAffectedRows) };
      } catch (error) {
        throw toD1Error(error, isReadOnly(query));
      }
    },
    // eslint-disable-next-line require-yield
    async *streamQuery<Row>(): AsyncIterableIterator<KyselyResult<Row>> {
      throw bug("no_row_stream", "Rows are not streamed: page instead.");
    },
  };
  const refuse = async (): Promise<void> => {
    throw bug("no_transaction", "D1 has no interactive transactions: use store.batch.");
  };
  const driver: Driver = {
    async init() {},
    acquireConnection: async () => connection,
    beginTransaction: refuse,
    commitTransaction: refuse,
    rollbackTransaction: refuse,
    async releaseConnection() {},
    async destroy() {},
  };
  const db = new Kysely<unknown>({
    dialect: {
      createAdapter: () => new SqliteAdapter(),
      createDriver: () => driver,
      createIntrospector: (kysely) => new SqliteIntrospector(kysely),
      createQueryCompiler: () => new SqliteQueryCompiler(),
    },
  });

  return {
    dialect: "sqlite",
    // SQLite has no schemas: table names are unique across rooms. What is in them is what the room says.
    tables: <Tables>() => db as Kysely<Tables>,
    async batch(queries: readonly Query[]): Promise<QueryResult[]> {
      if (queries.length === 0) return [];
      const compiled = queries.map((query) => query.compile());
      try {
        return (await binding.batch(compiled.map(bound))).map(toResult);
      } catch (error) {
        throw toD1Error(error, compiled.every(isReadOnly));
      }
    },
  };
}

function toResult({ results = [], meta }: D1Result): QueryResult {
  for (const row of results)
    for (const value of Object.values(row as object))
      // D1 has rounded it already: better no answer than a wrong one.
      if (typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value))
        throw bug("unsafe_integer", "The database holds a number too large to be read exactly.");
  return { rows: results, numAffectedRows: meta.changes ?? 0 };
}

const isReadOnly = ({ sql }: CompiledQuery): boolean => /^\s*select\b/i.test(sql);
