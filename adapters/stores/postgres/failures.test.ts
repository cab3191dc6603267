import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "kysely";
import { describe, expect, test } from "vitest";
import type { Query, RoomMigrations } from "@norns/kernel/database";
import { aDatabase } from "../testing.ts";
import { openPostgres } from "./index.ts";
import { createStatementNames } from "./statement-names.ts";

interface Tables {
  thing: { id: string; n: number };
}

const room: RoomMigrations = {
  schema: "apps",
  room: "test",
  migrations: [
    {
      id: "0001-thing",
      statements: (db) => [
        db.schema
          .createTable("thing")
          .addColumn("id", "text", (column) => column.primaryKey())
          .addColumn("n", "bigint", (column) => column.notNull().check(sql`n >= 0`)),
        db.schema.createTable("part").addColumn("id", "text", (column) => column.references("apps.thing.id")),
      ],
    },
  ],
};

const cutAll = "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()";

describe("errors", () => {
  test("they are told apart, without a value in their words", async () => {
    await using db = await aDatabase([room]);
    const things = db.store.tables<Tables & { part: { id: string } }>("apps");
    const secret = "hunter2-hunter2";
    await things.insertInto("thing").values({ id: secret, n: 1 }).execute();
    const cases: [() => Promise<unknown>, object][] = [
      [
        () => things.insertInto("thing").values({ id: secret, n: 1 }).execute(),
        { kind: "conflict", code: "unique_violation", details: { constraint: "thing_pkey", table: "thing" } },
      ],
      [() => things.insertInto("thing").values({ id: "b", n: -1 }).execute(), { kind: "conflict", code: "check_violation" }],
      [() => things.insertInto("part").values({ id: "missing" }).execute(), { kind: "conflict", code: "foreign_key_violation" }],
      [
        () =>
          things
            .insertInto("thing")
            .values({ id: "c", n: null as never })
            .execute(),
        { kind: "bug", code: "not_null_violation", details: { column: "n" } },
      ],
      [() => things.insertInto("thing").values({ id: "nul\0", n: 1 }).execute(), { kind: "invalid", code: "invalid_text" }],
      [
        () => sql`select * from missing where x = ${secret}`.execute(things),
        { kind: "bug", code: "database_error", details: { reason: "42P01" } },
      ],
    ];
    for (const [failing, expected] of cases) {
      const error = await failing().then(
        () => undefined,
        (thrown: Error) => thrown,
      );
      expect(error).toMatchObject(expected);
      expect(`${error!.message} ${JSON.stringify((error as { details?: unknown }).details)}`).not.toContain(secret);
    }
    expect(await things.selectFrom("thing").select("n").execute()).toEqual([{ n: 1 }]);
  });

  test("a statement that takes too long is interrupted and its batch taken back", async () => {
    await using db = await aDatabase([room]);
    await using store = openPostgres({ url: db.url, statementTimeoutMs: 200 });
    const things = store.tables<Tables>("apps");
    const slow: Query = { compile: () => sql`select pg_sleep(5)`.compile(things) };
    await expect(store.batch([things.insertInto("thing").values({ id: "a", n: 1 }), slow])).rejects.toMatchObject({
      kind: "unavailable",
      code: "database_timeout",
    });
    expect(await things.selectFrom("thing").selectAll().execute()).toEqual([]);
    await store.close();
  });

  test("nobody there is `unavailable`, and so is a store that was closed", async () => {
    const store = openPostgres({ url: "postgres://a:b@127.0.0.1:1/none", connectTimeoutMs: 500 });
    await expect(store.tables<Tables>("apps").selectFrom("thing").selectAll().execute()).rejects.toMatchObject({
      kind: "unavailable",
      code: "database_unavailable",
      details: { reason: "ECONNREFUSED" },
    });
    await store.close();
    await store.close();
    await expect(store.batch([{ compile: () => sql`select 1`.compile(store.tables("apps")) }])).rejects.toMatchObject({
      kind: "unavailable",
      code: "database_closed",
    });
  });
});

describe("lost connections", () => {
  test("a write whose connection is cut says that its end is unknown; a read just that nobody answered", async () => {
    await using db = await aDatabase([room]);
    const things = db.store.tables<Tables>("apps");
    const admin = db.openStore({ poolSize: 1 });
    await admin.pool.query("select 1");
    const insert: Query = { compile: () => sql`insert into apps.thing (id, n) select 'a', 1 from pg_sleep(5)`.compile(things) };
    const write = db.store.batch([insert]).catch((error: unknown) => error);
    const read = sql`select pg_sleep(5)`.execute(things).catch((error: unknown) => error);
    await sleep(150);
    await admin.pool.query(cutAll);
    expect(await write).toMatchObject({ kind: "unavailable", code: "commit_unknown" });
    expect(await read).toMatchObject({ kind: "unavailable", code: "database_unavailable" });
    expect(await things.selectFrom("thing").selectAll().execute()).toEqual([]);
  });

  test("what was known to be written is there after connections were cut at random, and nothing is there twice", async () => {
    await using db = await aDatabase([room], { poolSize: 6 });
    const things = db.store.tables<Tables>("apps");
    const admin = db.openStore({ poolSize: 1 });
    const kept = new Set<string>();
    const unknown = new Set<string>();
    let isOver = false;
    let next = 0;
    const writers = Array.from({ length: 8 }, async () => {
      while (!isOver) {
        const id = `t${next++}`;
        await db.store
          .batch([things.insertInto("thing").values({ id, n: 0 }), things.updateTable("thing").set({ n: 1 }).where("id", "=", id)])
          .then(
            () => kept.add(id),
            (error: { code: string }) => {
              if (error.code === "commit_unknown") unknown.add(id);
              else expect(error.code).toBe("database_unavailable");
            },
          );
      }
    });
    for (let round = 0; round < 15; round++) {
      await sleep(20 + Math.random() * 40);
      await admin.pool.query(cutAll);
    }
    isOver = true;
    await Promise.all(writers);
    const rows = await things.selectFrom("thing").selectAll().execute();
    const found = new Set(rows.map((row) => row.id));
    expect(rows.every((row) => row.n === 1)).toBe(true);
    for (const id of kept) expect(found.has(id)).toBe(true);
    for (const id of found) expect(kept.has(id) || unknown.has(id)).toBe(true);
    expect(kept.size).toBeGreaterThan(100);
  });
});

describe("contention", () => {
  test("writes that lock the same rows in opposite order pass, or say that a repeat may", async () => {
    await using db = await aDatabase([room], { poolSize: 10 });
    const things = db.store.tables<Tables>("apps");
    await things
      .insertInto("thing")
      .values([
        { id: "a", n: 0 },
        { id: "b", n: 0 },
      ])
      .execute();
    const add = (id: string) =>
      things
        .updateTable("thing")
        .set((eb) => ({ n: eb("n", "+", 1) }))
        .where("id", "=", id);
    const pause: Query = { compile: () => sql`select pg_sleep(0.002)`.compile(things) };
    const ends = await Promise.allSettled(
      Array.from({ length: 8 }, (_, index) => db.store.batch(index % 2 ? [add("a"), pause, add("b")] : [add("b"), pause, add("a")])),
    );
    const passed = ends.filter((end) => end.status === "fulfilled").length;
    for (const end of ends) if (end.status === "rejected") expect(end.reason).toMatchObject({ kind: "unavailable", code: "database_busy" });
    expect(passed).toBeGreaterThan(0);
    expect(await things.selectFrom("thing").select("n").execute()).toEqual([{ n: passed }, { n: passed }]);
  });

  test("a statement prepared before its table changed works after", async () => {
    await using db = await aDatabase([room], { poolSize: 4 });
    const things = db.store.tables<Tables>("apps");
    const all = () => things.selectFrom("thing").selectAll().execute();
    for (let round = 0; round < 5; round++) await Promise.all([all(), all(), all(), all()]);
    await db.openStore().pool.query("alter table apps.thing add column extra text default 'x'");
    for (let round = 0; round < 6; round++) expect(await all()).toEqual([]);
    await db.store.batch([things.insertInto("thing").values({ id: "a", n: 1 })]);
    expect(await all()).toEqual([{ id: "a", n: 1, extra: "x" }]);
  });
});

describe("statement names", () => {
  test("they are given at the second use, the same for the same text, and only so many", () => {
    const names = createStatementNames(2);
    expect(names.nameOf("a")).toBeUndefined();
    const name = names.nameOf("a");
    expect(name).toMatch(/^n_[\w-]{22}$/);
    expect(names.nameOf("a")).toBe(name);
    names.nameOf("b");
    expect(names.nameOf("b")).toBeDefined();
    for (let use = 0; use < 5; use++) expect(names.nameOf("c")).toBeUndefined();
  });
});
