import { sql, type Kysely } from "kysely";
import { rawTable, rowsFromJson, type Query, type Store } from "@norns/kernel/database";
import type { AuditQuery } from "./contract.ts";
import type { AuditRowTable, AuditTables } from "./tables.ts";

/** The only place that names the audit tables. */
export function createAuditStore(store: Store) {
  const db: Kysely<AuditTables> = store.tables<AuditTables>("identity");
  return {
    insert: (row: AuditRowTable): Query => db.insertInto("audit_row").values(row),

    /** Newest first, after the row (`at`, `id`) when given. */
    page(query: AuditQuery, limit: number, after: { at: number; id: string } | undefined): Promise<AuditRowTable[]> {
      let select = db.selectFrom("audit_row").selectAll().orderBy("at", "desc").orderBy("id", "desc").limit(limit);
      if (query.workspace !== undefined) select = select.where("workspace", "=", query.workspace);
      if (query.action !== undefined) select = select.where("action", "=", query.action);
      if (query.subject !== undefined) select = select.where("subject", "=", query.subject);
      if (query.from !== undefined) select = select.where("at", ">=", query.from);
      if (query.to !== undefined) select = select.where("at", "<=", query.to);
      const { actor } = query;
      if (actor !== undefined) select = select.where((eb) => eb.or([eb("actor_id", "=", actor), eb("actor_label", "=", actor)]));
      if (after)
        select = select.where((eb) => eb.or([eb("at", "<", after.at), eb.and([eb("at", "=", after.at), eb("id", "<", after.id)])]));
      return select.execute();
    },

    head: () => db.selectFrom("audit_head").select(["seq", "hash"]).where("id", "=", 1).executeTakeFirstOrThrow(),

    unsealed: (limit: number): Promise<AuditRowTable[]> =>
      db.selectFrom("audit_row").selectAll().where("seq", "is", null).orderBy("at").orderBy("id").limit(limit).execute(),

    unsealedCount: () =>
      db
        .selectFrom("audit_row")
        .select((eb) => [eb.fn.countAll<number>().as("count"), eb.fn.min("at").as("oldest")])
        .where("seq", "is", null)
        .executeTakeFirstOrThrow(),

    sealedAfter: (seq: number, limit: number): Promise<AuditRowTable[]> =>
      db.selectFrom("audit_row").selectAll().where("seq", ">", seq).orderBy("seq").limit(limit).execute(),

    /**
     * Moves the head and gives the rows their places, or does neither. The head comes first: of two sealers the second
     * waits for its row, finds it changed, and then finds a head that is not its own.
     */
    seal(
      from: { seq: number; hash: string },
      to: { seq: number; hash: string },
      rows: readonly { id: string; seq: number; hash: string }[],
      keyId: string,
    ): Query[] {
      const given = rowsFromJson(store, { id: "text", seq: "integer", hash: "text" }, rows, "sealed");
      return [
        db.updateTable("audit_head").set(to).where("id", "=", 1).where("seq", "=", from.seq).where("hash", "=", from.hash).returning("seq"),
        {
          compile: () =>
            sql`update ${rawTable(store, "identity", "audit_row")} set seq = sealed.seq, hash = sealed.hash, key_id = ${keyId}
                from ${given}
                where audit_row.id = sealed.id and audit_row.seq is null
                and exists (select 1 from ${rawTable(store, "identity", "audit_head")} as head where head.id = 1 and head.seq = ${to.seq} and head.hash = ${to.hash})`.compile(
              db,
            ),
        },
      ];
    },
  };
}
export type AuditStore = ReturnType<typeof createAuditStore>;
