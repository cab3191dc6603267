/**
 * The hot statements are constant texts, written once for both dialects and compiled once: `?1` is a parameter,
 * `{operations}` a table. What must differ are two fragments: how rows come out of ONE bound JSON parameter (D1 allows
 * 100 parameters a statement), and row locks, which SQLite does not need: it has one writer.
 */
import { CompiledQuery } from "kysely";
import type { Dialect, Query } from "../database/index.ts";

export type Parameter = string | number | null;

/** Prepares a text for a dialect; call the result with the parameters for each use. */
export function statement<Row = unknown>(dialect: Dialect, text: string): (parameters: readonly Parameter[]) => Query<Row> {
  const tables = text.replaceAll(/\{(\w+)\}/g, (_, table: string) => (dialect === "postgres" ? `kernel.${table}` : table));
  const compiled = (dialect === "postgres" ? tables.replaceAll(/\?(\d+)/g, "$$$1") : tables).replaceAll(/\s+/g, " ").trim();
  return (parameters) => ({ compile: () => CompiledQuery.raw(compiled, [...parameters]) as CompiledQuery<Row> });
}

type ColumnType = "text" | "bigint";

/** `from` item `alias` with the given columns, read from the JSON array of objects bound as `parameter`. */
export function rowsFrom(dialect: Dialect, parameter: string, alias: string, columns: Readonly<Record<string, ColumnType>>): string {
  const names = Object.entries(columns);
  if (dialect === "postgres")
    return `json_to_recordset(${parameter}::json) as ${alias}(${names.map(([name, type]) => `${name} ${type}`).join(", ")})`;
  return `(select ${names.map(([name]) => `json_each.value ->> '${name}' as ${name}`).join(", ")} from json_each(${parameter})) as ${alias}`;
}

/**
 * Says again, where rows are found by the ids in a JSON parameter, which ids those are, as comma-separated text. Without
 * it PostgreSQL takes the JSON for a hundred rows and reads the whole of a small table for them; the ids of an array it
 * looks up in the index. SQLite does so by itself.
 */
export const amongIds = (dialect: Dialect, column: string, parameter: string): string =>
  dialect === "postgres" ? `${column} = any(string_to_array(${parameter}, ','))` : `${parameter} is not null`;

export const idList = (ids: readonly string[]): string => ids.join(",");

export const lockingRows = (dialect: Dialect, alias: string): string => (dialect === "postgres" ? `for update of ${alias}` : "");
export const skippingLockedRows = (dialect: Dialect, alias: string): string =>
  dialect === "postgres" ? `for update of ${alias} skip locked` : "";
