import { sql } from "kysely";
import { expect, test } from "vitest";
import { guardMigration, requireOne, Write, type RoomMigrations } from "@norns/kernel/database";
import { aDatabase } from "../testing.ts";

interface Tables {
  thing: { id: string; n: number; note: string | null };
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
          .addColumn("n", "bigint", (column) => column.notNull())
          .addColumn("note", "text"),
      ],
    },
  ],
};
const rooms = [{ schema: "kernel", room: "kernel/database", migrations: [guardMigration] }, room];

test("it keeps all of a batch or nothing", async () => {
  await using db = await aDatabase(rooms);
  const things = db.store.tables<Tables>("apps");
  await db.store.batch([things.insertInto("thing").values({ id: "a", n: 1, note: null })]);
  const twice = db.store.batch([
    things.insertInto("thing").values({ id: "b", n: 2, note: "x" }),
    things.insertInto("thing").values({ id: "a", n: 3, note: null }),
  ]);
  await expect(twice).rejects.toMatchObject({ kind: "conflict", code: "unique_violation", details: { constraint: "thing_pkey" } });
  expect(await things.selectFrom("thing").selectAll().execute()).toEqual([{ id: "a", n: 1, note: null }]);
});

test("it gives each query of a batch its own rows and count", async () => {
  await using db = await aDatabase(rooms);
  const things = db.store.tables<Tables>("apps");
  const [inserted, updated, selected] = await db.store.batch([
    things.insertInto("thing").values([
      { id: "a", n: 1, note: null },
      { id: "b", n: 2, note: null },
    ]),
    things.updateTable("thing").set({ note: "hi" }).where("id", "=", "a").returning(["id", "note"]),
    things.selectFrom("thing").select((eb) => [eb.fn.countAll<number>().as("count"), eb.fn.sum<number>("n").as("sum")]),
  ]);
  expect(inserted).toEqual({ rows: [], numAffectedRows: 2 });
  expect(updated).toEqual({ rows: [{ id: "a", note: "hi" }], numAffectedRows: 1 });
  expect(selected!.rows).toEqual([{ count: 2, sum: 3 }]);
});

test("it aborts a write whose guard does not hold", async () => {
  await using db = await aDatabase(rooms);
  const things = db.store.tables<Tables>("apps");
  await things.insertInto("thing").values({ id: "a", n: 1, note: null }).execute();
  const write = (seen: number) => {
    const made = new Write();
    requireOne(made, db.store, things.selectFrom("thing").select("id").where("id", "=", "a").where("n", "=", seen));
    made.add(
      things
        .updateTable("thing")
        .set({ n: seen + 1 })
        .where("id", "=", "a"),
    );
    return made.commit(db.store);
  };
  await write(1);
  await expect(write(1)).rejects.toMatchObject({ kind: "conflict", code: "guard_failed" });
  await write(2);
  expect(await things.selectFrom("thing").select("n").execute()).toEqual([{ n: 3 }]);
  expect(await db.store.tables<{ assert_one: { n: number } }>("kernel").selectFrom("assert_one").selectAll().execute()).toEqual([]);
});

test("it prepares a statement once a connection, also when the batch that first used it was taken back", async () => {
  await using db = await aDatabase(rooms, { poolSize: 1 });
  const things = db.store.tables<Tables>("apps");
  const insert = (id: string) => things.insertInto("thing").values({ id, n: 1, note: null });
  await db.store.batch([insert("a")]);
  for (let attempt = 0; attempt < 3; attempt++)
    await expect(db.store.batch([insert("a")])).rejects.toMatchObject({ code: "unique_violation" });
  for (const id of ["b", "c", "d"]) await db.store.batch([insert(id)]);
  const { rows } = await sql<{ count: number }>`select count(*) as count from pg_prepared_statements`.execute(things);
  expect(rows[0]!.count).toBeGreaterThan(0);
  expect(await things.selectFrom("thing").select("id").orderBy("id").execute()).toHaveLength(4);
});

test("it throws rather than round a number", async () => {
  await using db = await aDatabase(rooms);
  const things = db.store.tables<Tables>("apps");
  await sql`insert into apps.thing (id, n) values ('big', 9007199254740993)`.execute(things);
  await expect(things.selectFrom("thing").select("n").execute()).rejects.toMatchObject({ kind: "bug", code: "unsafe_integer" });
});

test("it lets one of many guarded writes of the same state through", async () => {
  await using db = await aDatabase(rooms, { poolSize: 10 });
  const things = db.store.tables<Tables>("apps");
  await things.insertInto("thing").values({ id: "a", n: 0, note: null }).execute();
  const writes = Array.from({ length: 30 }, () => {
    const write = new Write();
    requireOne(write, db.store, things.selectFrom("thing").select("id").where("id", "=", "a").where("n", "=", 0));
    write.add(
      things
        .updateTable("thing")
        .set((eb) => ({ n: eb("n", "+", 1) }))
        .where("id", "=", "a"),
    );
    return write.commit(db.store).then(
      () => "through",
      (error: { code: string }) => error.code,
    );
  });
  const ends = await Promise.all(writes);
  expect(ends.filter((end) => end === "through")).toHaveLength(1);
  expect(ends.filter((end) => end === "guard_failed")).toHaveLength(29);
  expect(await things.selectFrom("thing").select("n").execute()).toEqual([{ n: 1 }]);
});
