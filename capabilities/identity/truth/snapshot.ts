/** All that a refused call must leave as it was, as text. */
import { sql } from "kysely";
import { rawTable, type Store } from "@norns/kernel/database";

const identityTables = [
  "users",
  "sessions",
  "credentials",
  "verifications",
  "installation",
  "socket_tickets",
  "workspaces",
  "workspace_members",
  "workspace_invitations",
  "api_keys",
  "audit_row",
] as const;
/** Sampled or sealed by the way: not a caller's doing. */
const incidental: Readonly<Record<string, readonly string[]>> = { audit_row: ["seq", "hash", "key_id"], api_keys: ["last_used_at"] };

/** Rows of identity's tables and of others given as `[schema, table]`. */
export async function snapshotOf(store: Store, others: readonly (readonly [schema: string, table: string])[] = []): Promise<string> {
  const db = store.tables<unknown>("identity");
  const tables = [...identityTables.map((table) => ["identity", table] as const), ...others];
  const results = await store.batch(
    tables.map(([schema, table]) => ({ compile: () => sql`select * from ${rawTable(store, schema, table)}`.compile(db) })),
  );
  return results
    .map(({ rows }, index) => {
      const [schema, table] = tables[index]!;
      const left = schema === "identity" ? (incidental[table] ?? []) : [];
      const lines = (rows as Record<string, unknown>[]).map((row) =>
        JSON.stringify(Object.entries(row).filter(([name]) => !left.includes(name))),
      );
      return `${schema}.${table}\n${lines.sort().join("\n")}`;
    })
    .join("\n\n");
}
