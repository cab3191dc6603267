import { sql } from "kysely";
import { describe, expect, test } from "vitest";
import { aDatabase } from "@norns/adapters/stores/testing";
import { migrate, type Migration, type RoomMigrations } from "./index.ts";

const aTable = (id: string, table: string): Migration => ({
  id,
  statements: (db) => [db.schema.createTable(table).addColumn("id", "text")],
});
const room = (...migrations: Migration[]): RoomMigrations => ({ schema: "apps", room: "apps/test", migrations });

describe("migrations", () => {
  test("they are applied in order, once, each with its record", async () => {
    await using db = await aDatabase();
    expect(await migrate(db.store, [room(aTable("0001-a", "a"))])).toEqual({ applied: ["apps/test/0001-a"] });
    expect(await migrate(db.store, [room(aTable("0001-a", "a"), aTable("0002-b", "b"))])).toEqual({ applied: ["apps/test/0002-b"] });
    expect(await migrate(db.store, [room(aTable("0001-a", "a"), aTable("0002-b", "b"))])).toEqual({ applied: [] });
  });

  test("they are applied once by servers that start together", async () => {
    await using db = await aDatabase();
    const slow: Migration = {
      id: "0001-slow",
      statements: (kysely) => [
        { compile: () => sql`select pg_sleep(0.2)`.compile(kysely) },
        kysely.schema.createTable("a").addColumn("id", "text"),
      ],
    };
    const stores = Array.from({ length: 6 }, () => db.openStore({ poolSize: 1 }));
    const ends = await Promise.all(stores.map((store) => migrate(store, [room(slow, aTable("0002-b", "b"))])));
    expect(ends.flatMap((end) => end.applied).sort()).toEqual(["apps/test/0001-slow", "apps/test/0002-b"]);
  });

  test("one that fails is taken back whole, named, and the ones before it stay", async () => {
    await using db = await aDatabase();
    const broken: Migration = {
      id: "0002-broken",
      statements: (kysely) => [
        kysely.schema.createTable("half").addColumn("id", "text"),
        { compile: () => sql`select * from missing`.compile(kysely) },
      ],
    };
    await expect(migrate(db.store, [room(aTable("0001-a", "a"), broken)])).rejects.toMatchObject({
      kind: "bug",
      code: "migration_failed",
      details: { room: "apps/test", migration: "0002-broken" },
    });
    const { rows } = await db.store.pool.query("select table_name from information_schema.tables where table_schema = 'apps'");
    expect(rows).toEqual([{ table_name: "a" }]);
    expect((await migrate(db.store, [room(aTable("0001-a", "a"), aTable("0002-broken", "half"))])).applied).toEqual([
      "apps/test/0002-broken",
    ]);
  });

  test("a database of a newer Norns is refused, one with rooms unknown here is not", async () => {
    await using db = await aDatabase();
    await migrate(db.store, [
      room(aTable("0001-a", "a"), aTable("0002-b", "b")),
      { schema: "apps", room: "apps/other", migrations: [aTable("0001-c", "c")] },
    ]);
    await expect(migrate(db.store, [room(aTable("0001-a", "a"))])).rejects.toMatchObject({
      kind: "conflict",
      code: "database_too_new",
      details: { unknown: ["apps/test/0002-b"] },
    });
    expect(await migrate(db.store, [room(aTable("0001-a", "a"), aTable("0002-b", "b"))])).toEqual({ applied: [] });
  });

  test("two of one name are a bug", async () => {
    await using db = await aDatabase();
    await expect(migrate(db.store, [room(aTable("0001-a", "a")), room(aTable("0001-a", "b"))])).rejects.toMatchObject({
      code: "migration_twice",
    });
  });
});
