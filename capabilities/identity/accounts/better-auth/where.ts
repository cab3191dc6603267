import { sql, type RawBuilder, type SqlBool } from "kysely";
import type { CleanedWhere } from "@better-auth/core/db/adapter";

type Condition = RawBuilder<SqlBool>;

/** Better Auth's conditions as SQL: those with OR form one group, the rest must all hold. */
export function toCondition(where: readonly CleanedWhere[]): Condition {
  const all = where.filter((part) => part.connector !== "OR").map(toExpression);
  const any = where.filter((part) => part.connector === "OR").map(toExpression);
  const parts = [...all, ...(any.length > 0 ? [sql<SqlBool>`(${sql.join(any, sql` or `)})`] : [])];
  return parts.length === 0 ? sql<SqlBool>`1 = 1` : sql<SqlBool>`(${sql.join(parts, sql` and `)})`;
}

function toExpression({ field, operator, value, mode }: CleanedWhere): Condition {
  const column = sql.ref(field);
  const isInsensitive = mode === "insensitive" && typeof value === "string";
  const left = isInsensitive ? sql`lower(${column})` : column;
  const right = isInsensitive ? value.toLowerCase() : value;
  const like = (before: string, after: string): Condition =>
    sql<SqlBool>`${left} like ${before + escapeLike(String(right)) + after} escape '!'`;
  switch (operator) {
    case undefined:
    case "eq":
      return value === null ? sql<SqlBool>`${column} is null` : sql<SqlBool>`${left} = ${right}`;
    case "ne":
      return value === null ? sql<SqlBool>`${column} is not null` : sql<SqlBool>`${left} <> ${right}`;
    case "lt":
      return sql<SqlBool>`${left} < ${right}`;
    case "lte":
      return sql<SqlBool>`${left} <= ${right}`;
    case "gt":
      return sql<SqlBool>`${left} > ${right}`;
    case "gte":
      return sql<SqlBool>`${left} >= ${right}`;
    case "in":
      return listOf(value).length === 0 ? sql<SqlBool>`1 = 0` : sql<SqlBool>`${left} in (${sql.join(listOf(value))})`;
    case "not_in":
      return listOf(value).length === 0 ? sql<SqlBool>`1 = 1` : sql<SqlBool>`${left} not in (${sql.join(listOf(value))})`;
    case "contains":
      return like("%", "%");
    case "starts_with":
      return like("", "%");
    case "ends_with":
      return like("%", "");
  }
}

/** D1 allows a hundred parameters a statement, and nothing that is built asks for so many. */
function listOf(value: CleanedWhere["value"]): (string | number)[] {
  const list = Array.isArray(value) ? value : [value as string];
  if (list.length > 80) throw new Error(`Better Auth asked for ${list.length} values at once.`);
  return list;
}

const escapeLike = (text: string): string => text.replace(/[!%_]/g, (letter) => `!${letter}`);
