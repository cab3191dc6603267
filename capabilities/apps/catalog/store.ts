/** The only file that names the room's table. */
import { createHash } from "node:crypto";
import { sql } from "kysely";
import { requireOne, rowsFromJson, type Store, type Write } from "@norns/kernel/database";
import type { AppRow, CatalogTables } from "./tables.ts";

/** What a row says, without what follows from it. */
export type AppRecord = Omit<AppRow, "revision" | "created_at" | "updated_at">;

export interface AppStore {
  /** Names and revisions only: enough to know which cached apps still hold. */
  revisions(workspace?: string): Promise<{ name: string; workspace: string; revision: string }[]>;
  rows(names: readonly string[]): Promise<AppRow[]>;
  row(name: string): Promise<AppRow | undefined>;
  /** Adds the insert; the commit fails with `unique_violation` when the name has come to exist. */
  insert(write: Write, record: AppRecord, at: number): AppRow;
  /** Adds the update; the commit fails with `guard_failed` unless the row is still at `seen.revision`. */
  update(write: Write, seen: AppRow, record: AppRecord, at: number): AppRow;
  /** Adds the deletion, guarded like `update`. */
  remove(write: Write, seen: AppRow): void;
}

export function revisionOf(record: AppRecord): string {
  const { name, workspace, directory, location, engine, spec_text, good_text, notes, is_absent, registered_by } = record;
  const all = JSON.stringify([name, workspace, directory, location, engine, spec_text, good_text, notes, is_absent, registered_by]);
  return createHash("sha256").update(all).digest("hex").slice(0, 32);
}

export function createAppStore(store: Store): AppStore {
  const db = store.tables<CatalogTables>("apps");
  const stillAt = (seen: AppRow) =>
    db.selectFrom("apps").select("name").where("name", "=", seen.name).where("revision", "=", seen.revision);

  return {
    async revisions(workspace) {
      const all = db.selectFrom("apps").select(["name", "workspace", "revision"]).orderBy("name");
      return await (workspace === undefined ? all : all.where("workspace", "=", workspace)).execute();
    },
    async rows(names) {
      if (names.length === 0) return [];
      const wanted = rowsFromJson(
        store,
        { name: "text" },
        names.map((name) => ({ name })),
        "wanted",
      );
      return await db
        .selectFrom("apps")
        .selectAll()
        .where("name", "in", sql<string>`(select name from ${wanted})`)
        .execute();
    },
    row: async (name) => await db.selectFrom("apps").selectAll().where("name", "=", name).executeTakeFirst(),
    insert(write, record, at) {
      const row: AppRow = { ...record, revision: revisionOf(record), created_at: at, updated_at: at };
      write.add(db.insertInto("apps").values(row));
      return row;
    },
    update(write, seen, record, at) {
      const row: AppRow = { ...record, revision: revisionOf(record), created_at: seen.created_at, updated_at: at };
      requireOne(write, store, stillAt(seen));
      const { name: _, ...changed } = row;
      write.add(db.updateTable("apps").set(changed).where("name", "=", seen.name));
      return row;
    },
    remove(write, seen) {
      requireOne(write, store, stillAt(seen));
      write.add(db.deleteFrom("apps").where("name", "=", seen.name));
    },
  };
}
