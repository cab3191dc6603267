import { Miniflare } from "miniflare";
import { sql } from "kysely";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { migrate, rawTable, requireOne, rowsFromJson, Write, type RoomMigrations, type Store } from "@norns/kernel/database";
import { createEvents, kernelMigrations, subject } from "@norns/kernel/events";
import type { WorkspaceId } from "@norns/kernel/ids";
import { createVault, ensureVaultKey, newEncryptionKey, parseEncryptionKey, vaultMigrations } from "@norns/kernel/vault";
import { openD1, type D1Binding } from "./index.ts";

const things: RoomMigrations = {
  schema: "apps",
  room: "test",
  migrations: [
    {
      id: "0001-thing",
      statements: (db) => [
        db.schema
          .createTable("thing")
          .addColumn("id", "text", (column) => column.primaryKey())
          .addColumn("n", "bigint", (column) => column.notNull()),
      ],
    },
  ],
};
const rooms = [kernelMigrations, vaultMigrations, things];

let miniflare: Miniflare;
let names = 0;
beforeAll(() => {
  miniflare = new Miniflare({
    modules: true,
    script: "export default { fetch: () => new Response() }",
    d1Databases: Object.fromEntries(Array.from({ length: 12 }, (_, index) => [`DB${index}`, `db-${index}`])),
  });
});
afterAll(() => miniflare.dispose());

let store: Store;
beforeEach(async () => {
  // miniflare's binding is a proxy with the same methods as the real one.
  store = openD1((await miniflare.getD1Database(`DB${names++}`)) as unknown as D1Binding);
  await migrate(store, rooms);
});
const db = () => store.tables<{ thing: { id: string; n: number } }>("apps");

describe("the store on D1", () => {
  test("it applies migrations once", async () => {
    expect(await migrate(store, rooms)).toEqual({ applied: [] });
    await expect(migrate(store, [{ ...kernelMigrations, migrations: [] }])).rejects.toMatchObject({
      kind: "conflict",
      code: "database_too_new",
    });
  });

  test("it keeps all of a batch or nothing, and says what was violated", async () => {
    await store.batch([db().insertInto("thing").values({ id: "a", n: 1 })]);
    await expect(
      store.batch([db().insertInto("thing").values({ id: "b", n: 1 }), db().insertInto("thing").values({ id: "a", n: 1 })]),
    ).rejects.toMatchObject({
      kind: "conflict",
      code: "unique_violation",
      details: { constraint: "thing.id" },
    });
    expect(await db().selectFrom("thing").select("id").execute()).toEqual([{ id: "a" }]);
    await expect(db().insertInto("thing").values({ id: "a", n: 1 }).execute()).rejects.toMatchObject({ code: "unique_violation" });
    await expect(
      db()
        .insertInto("thing")
        .values({ id: "c", n: null as never })
        .execute(),
    ).rejects.toMatchObject({ code: "not_null_violation" });
  });

  test("it aborts a write whose guard does not hold", async () => {
    await db().insertInto("thing").values({ id: "a", n: 1 }).execute();
    const write = (seen: number) => {
      const made = new Write();
      requireOne(made, store, db().selectFrom("thing").select("id").where("id", "=", "a").where("n", "=", seen));
      made.add(
        db()
          .updateTable("thing")
          .set({ n: seen + 1 })
          .where("id", "=", "a"),
      );
      return made.commit(store);
    };
    await write(1);
    await expect(write(1)).rejects.toMatchObject({ kind: "conflict", code: "guard_failed" });
    expect(await db().selectFrom("thing").select("n").execute()).toEqual([{ n: 2 }]);
  });

  test("it takes a thousand rows as one parameter, where 101 parameters are refused", async () => {
    const rows = Array.from({ length: 1_000 }, (_, index) => ({ id: `row "${index}"`, n: index }));
    const [result] = await store.batch([
      {
        compile: () =>
          sql`insert into ${rawTable(store, "apps", "thing")} (id, n) select id, n from ${rowsFromJson(store, { id: "text", n: "integer" }, rows, "given")} order by ordinal`.compile(
            db(),
          ),
      },
    ]);
    expect(result!.numAffectedRows).toBe(1_000);
    const { last } = await db()
      .selectFrom("thing")
      .select((eb) => eb.fn.max("n").as("last"))
      .executeTakeFirstOrThrow();
    expect(last).toBe(999);
    const many = db()
      .selectFrom("thing")
      .select("id")
      .where("id", "in", Array.from({ length: 101 }, String));
    await expect(many.execute()).rejects.toMatchObject({ kind: "bug", code: "too_many_parameters" });
  });

  test("it refuses to bind what D1 cannot hold, and to read what it rounded", async () => {
    for (const value of [true, undefined, 1n, new Date()])
      await expect(
        db()
          .insertInto("thing")
          .values({ id: "x", n: value as never })
          .execute(),
      ).rejects.toMatchObject({ kind: "bug" });
    await store.batch([{ compile: () => sql`insert into thing (id, n) values ('big', 9007199254740993)`.compile(db()) }]);
    await expect(db().selectFrom("thing").selectAll().execute()).rejects.toMatchObject({ code: "unsafe_integer" });
  });

  test("it keeps the event log in order, also for writers at the same time, and follows it", async () => {
    const events = createEvents({ store, pollMs: 20 });
    const reader = createEvents({ store, pollMs: 20 });
    const stop = new AbortController();
    const following = reader.follow({ after: 0, signal: stop.signal });
    await Promise.all(
      Array.from({ length: 20 }, async (_, index) => {
        const write = new Write();
        for (const part of ["a", "b"])
          events.append(write, {
            workspace: "ws_a" as WorkspaceId,
            subject: subject("app", "x"),
            category: "c",
            action: "a",
            message: `${index}${part}`,
            actor: "t",
            metadata: { part },
          });
        await write.commit(store);
      }),
    );
    const seen: number[] = [];
    for await (const item of following) {
      if ("gap" in item) throw new Error("a gap");
      seen.push(item.seq);
      if (seen.length === 40) break;
    }
    expect(seen).toEqual(Array.from({ length: 40 }, (_, index) => index + 1));
    expect((await events.list({ workspaces: ["ws_a", "ws_b"] as WorkspaceId[], limit: 1, order: "desc" })).events).toMatchObject([
      { seq: 40, metadata: { part: "b" } },
    ]);
    expect(await events.prune(Date.now() + 1)).toBe(40);
    stop.abort();
  });

  test("it holds the vault's check value", async () => {
    const vault = createVault({ key: parseEncryptionKey(newEncryptionKey()) });
    await ensureVaultKey(store, vault);
    await ensureVaultKey(store, vault);
    await expect(ensureVaultKey(store, createVault({ key: parseEncryptionKey(newEncryptionKey()) }))).rejects.toMatchObject({
      code: "encryption_key_wrong",
    });
  });
});
