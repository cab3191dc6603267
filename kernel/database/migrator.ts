/**
 * Migrations, forward only, a list a room. Each runs as one batch together with its own record row, so it is applied
 * wholly or not at all. Two servers that start at once: on PostgreSQL the batch begins by taking an advisory lock that
 * lives as long as its transaction; on SQLite batches run one after another anyway. Whoever comes second fails on the
 * record's primary key, which takes its whole batch back, and finds the migration done.
 */
import { sql, type Kysely } from "kysely";
import { bug, conflict, NornsError } from "../errors/index.ts";
import type { Query, Store } from "./store.ts";

export interface Migration {
  /** `0001-what-it-does`; never renamed once released. */
  readonly id: string;
  /** The statements, in order. `db` is bound to the room's schema; `dialect` where the two must differ. */
  statements(db: Kysely<unknown>, dialect: Store["dialect"]): readonly Query[];
}

export interface RoomMigrations {
  /** `kernel`, `identity`, `apps`: the PostgreSQL schema, made when missing. Table names are unique across rooms. */
  readonly schema: string;
  /** `apps/catalog`: what the record row is filed under. */
  readonly room: string;
  readonly migrations: readonly Migration[];
}

interface MigrationTables {
  migration: { room: string; id: string; at: number };
}

/** The advisory lock under which a database's schema is changed. Any number will do, if every Norns server uses it. */
export const migrationLockKey = 7_268_020_101;

/**
 * Brings the database up to date, rooms in the given order. Returns what was applied now, as `room/id`.
 * Throws `conflict` `database_too_new` when a room has migrations that this program does not know, and `bug`
 * `migration_failed` naming the one that failed: the ones before it stay applied.
 */
export async function migrate(store: Store, rooms: readonly RoomMigrations[]): Promise<{ applied: string[] }> {
  const db = store.tables<MigrationTables>("kernel");
  checkNames(rooms);
  await prepare(store, rooms);

  const done = new Set((await db.selectFrom("migration").select(["room", "id"]).execute()).map(nameOf));
  refuseNewer(rooms, done);

  const applied: string[] = [];
  for (const { room, schema, migrations } of rooms) {
    for (const migration of migrations) {
      if (done.has(nameOf({ room, id: migration.id }))) continue;
      const record = db.insertInto("migration").values({ room, id: migration.id, at: Date.now() });
      const body = migration.statements(store.tables(schema), store.dialect);
      try {
        await store.batch([...underLock(store, db), record, ...body]);
      } catch (error) {
        if (await isRecorded(db, room, migration.id)) continue;
        if (error instanceof NornsError && error.kind === "unavailable") throw error;
        throw bug("migration_failed", `The database could not be brought up to date: ${room} ${migration.id} failed and was taken back.`, {
          details: { room, migration: migration.id },
          cause: error,
        });
      }
      applied.push(nameOf({ room, id: migration.id }));
    }
  }
  return { applied };
}

const nameOf = ({ room, id }: { room: string; id: string }): string => `${room}/${id}`;

/** The schemas and the record table, one batch. */
async function prepare(store: Store, rooms: readonly RoomMigrations[]): Promise<void> {
  const db = store.tables<MigrationTables>("kernel");
  const schemas = store.dialect === "postgres" ? [...new Set(["kernel", ...rooms.map((room) => room.schema)])] : [];
  await store.batch([
    ...underLock(store, db),
    ...schemas.map((schema) => db.schema.createSchema(schema).ifNotExists()),
    db.schema
      .createTable("migration")
      .ifNotExists()
      .addColumn("room", "text", (column) => column.notNull())
      .addColumn("id", "text", (column) => column.notNull())
      .addColumn("at", "bigint", (column) => column.notNull())
      .addPrimaryKeyConstraint("migration_pkey", ["room", "id"]),
  ]);
}

/** Waiting for the lock and building an index may both take longer than an ordinary statement is given. */
function underLock(store: Store, db: Kysely<MigrationTables>): Query[] {
  if (store.dialect !== "postgres") return [];
  const run = (text: string): Query => ({ compile: () => sql.raw(text).compile(db) });
  return [run("select set_config('statement_timeout', '0', true)"), run(`select pg_advisory_xact_lock(${migrationLockKey})`)];
}

async function isRecorded(db: Kysely<MigrationTables>, room: string, id: string): Promise<boolean> {
  const found = await db.selectFrom("migration").select("id").where("room", "=", room).where("id", "=", id).executeTakeFirst();
  return found !== undefined;
}

function checkNames(rooms: readonly RoomMigrations[]): void {
  const seen = new Set<string>();
  for (const { room, migrations } of rooms) {
    for (const { id } of migrations) {
      const name = nameOf({ room, id });
      if (seen.has(name)) throw bug("migration_twice", `Two migrations are called ${name}.`);
      seen.add(name);
    }
  }
}

/** A room that this program does not have at all is left alone: it may belong to another role. */
function refuseNewer(rooms: readonly RoomMigrations[], done: ReadonlySet<string>): void {
  const ours = new Set(rooms.flatMap(({ room, migrations }) => migrations.map(({ id }) => nameOf({ room, id }))));
  const roomNames = new Set(rooms.map(({ room }) => room));
  const unknown = [...done].filter((name) => !ours.has(name) && roomNames.has(name.slice(0, name.lastIndexOf("/"))));
  if (unknown.length > 0)
    throw conflict(
      "database_too_new",
      `This database was made by a newer Norns (it has ${unknown.join(", ")}). Start that version again, or restore a backup made before it.`,
      { details: { unknown } },
    );
}
