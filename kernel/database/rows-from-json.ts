/**
 * Many rows as ONE bound parameter, on both dialects (D1 allows 100 parameters a statement, PostgreSQL plans a new
 * statement for each length of a list).
 *
 * ```ts
 * const given = rowsFromJson(store, { id: "text", at: "integer" }, rows, "given");
 * sql`insert into ${rawTable(store, "apps", "thing")} (id, at) select id, at from ${given}`
 * ```
 */
import { sql, type RawBuilder } from "kysely";
import type { Store } from "./store.ts";

/** Column name → type. `integer` is 64 bits wide; `text` and `integer` may be null. */
export type JsonColumns = Readonly<Record<string, "text" | "integer">>;

/** A table expression `(…) as <alias>` with the given columns. A key missing in a row is null. Rows keep their order in `ordinal` (from 1). */
export function rowsFromJson<Columns extends JsonColumns>(
  store: Pick<Store, "dialect">,
  columns: Columns,
  rows: readonly { readonly [Name in keyof Columns]: string | number | null | undefined }[],
  alias: string,
): RawBuilder<unknown> {
  const parameter = sql`${JSON.stringify(rows)}`;
  const names = Object.keys(columns);
  if (store.dialect === "postgres") {
    const selected = names.map((name) => {
      const text = sql`(given.value ->> ${sql.lit(name)})`;
      return columns[name] === "integer" ? sql`${text}::bigint as ${sql.ref(name)}` : sql`${text} as ${sql.ref(name)}`;
    });
    return sql`(select ${sql.join(selected)}, given.ordinality as ordinal from jsonb_array_elements(${parameter}::jsonb) with ordinality as given(value, ordinality)) as ${sql.ref(alias)}`;
  }
  const selected = names.map((name) => sql`json_extract(given.value, ${sql.lit(`$."${name}"`)}) as ${sql.ref(name)}`);
  return sql`(select ${sql.join(selected)}, given.key + 1 as ordinal from json_each(${parameter}) as given) as ${sql.ref(alias)}`;
}

/** A condition for `where`: the row's `id` is one of these, however many they are. */
export function isOneOf(store: Pick<Store, "dialect">, ids: readonly string[]): RawBuilder<boolean> {
  const given = rowsFromJson(
    store,
    { id: "text" },
    ids.map((id) => ({ id })),
    "given",
  );
  return sql<boolean>`id in (select id from ${given})`;
}
