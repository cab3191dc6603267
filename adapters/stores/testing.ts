/**
 * Databases for tests: a real PostgreSQL, an own database for each call, cloned from a template that has the migrations
 * already. A clone takes about 30 ms, the first of a set of migrations as long as the migrations take.
 *
 * ```ts
 * await using db = await aDatabase([kernelMigrations, catalogMigrations]);
 * await db.store.batch([…]);
 * ```
 */
import { createHash, randomBytes } from "node:crypto";
import { connect } from "node:net";
import pg from "pg";
import { inject } from "vitest";
import { migrate, type RoomMigrations } from "@norns/kernel/database";
import { openPostgres, type PostgresStore } from "./postgres/index.ts";

export interface TestDatabase extends AsyncDisposable {
  readonly store: PostgresStore;
  readonly url: string;
  /** A further store on the same database, as a second server has it. Closed with the database. */
  openStore(options?: { poolSize?: number }): PostgresStore;
  /** Closes the stores and drops the database. */
  close(): Promise<void>;
}

/** A database with these migrations applied and nothing in it. `poolSize` is 5 unless given. */
export async function aDatabase(rooms: readonly RoomMigrations[] = [], options: { poolSize?: number } = {}): Promise<TestDatabase> {
  const admin = await adminUrl();
  const template = await ensureTemplate(admin, rooms);
  const name = `test_${randomBytes(8).toString("hex")}`;
  await asAdmin(admin, (client) => client.query(`create database ${name} template ${template}`));

  const url = withDatabase(admin, name);
  const stores: PostgresStore[] = [];
  const openStore = ({ poolSize = options.poolSize ?? 5 }: { poolSize?: number } = {}): PostgresStore => {
    const store = openPostgres({ url, poolSize, connectTimeoutMs: 20_000 });
    stores.push(store);
    return store;
  };
  const database: TestDatabase = {
    store: openStore(),
    url,
    openStore,
    async close() {
      await Promise.all(stores.map((store) => store.close()));
      await asAdmin(admin, (client) => client.query(`drop database if exists ${name} with (force)`));
    },
    [Symbol.asyncDispose]: () => database.close(),
  };
  return database;
}

let asked: Promise<string> | undefined;

/** The url of the run's PostgreSQL, as a user that may create databases. */
export const adminUrl = (): Promise<string> => (asked ??= askForUrl(inject("testPostgres")));

function askForUrl(path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const socket = connect(path);
    socket.setEncoding("utf8");
    socket.on("data", (chunk: string) => (text += chunk));
    socket.once("error", reject);
    socket.once("end", () => {
      const answer = JSON.parse(text) as { url: string } | { error: string };
      if ("url" in answer) resolve(answer.url);
      else reject(new Error(`The tests' PostgreSQL did not start: ${answer.error}`));
    });
  });
}

const templates = new Map<string, Promise<string>>();

/** One template for each set of migrations, whichever process of the run comes first. */
function ensureTemplate(admin: string, rooms: readonly RoomMigrations[]): Promise<string> {
  const name = `template_${createHash("sha256").update(textOf(rooms)).digest("hex").slice(0, 24)}`;
  let made = templates.get(name);
  if (!made) templates.set(name, (made = makeTemplate(admin, name, rooms)));
  return made;
}

async function makeTemplate(admin: string, name: string, rooms: readonly RoomMigrations[]): Promise<string> {
  await asAdmin(admin, async (client) => {
    // Held until the connection closes: files of one run may want the same template at once.
    await client.query("select pg_advisory_lock(hashtext($1))", [name]);
    const { rowCount } = await client.query("select 1 from pg_database where datname = $1", [name]);
    if (rowCount !== 0) return;
    const draft = `${name}_draft`;
    await client.query(`drop database if exists ${draft} with (force)`);
    await client.query(`create database ${draft}`);
    const store = openPostgres({ url: withDatabase(admin, draft), poolSize: 1 });
    try {
      await migrate(store, rooms);
    } finally {
      await store.close();
    }
    await client.query(`alter database ${draft} rename to ${name}`);
  });
  return name;
}

/** Changes when a migration does, so that an edited one is not served from an older template. */
function textOf(rooms: readonly RoomMigrations[]): string {
  const store = openPostgres({ url: "postgres://nobody@127.0.0.1/none", poolSize: 1 });
  return JSON.stringify(
    rooms.map(({ room, schema, migrations }) => [
      room,
      schema,
      migrations.map(({ id, statements }) => [id, statements(store.tables(schema), "postgres").map((query) => query.compile().sql)]),
    ]),
  );
}

const withDatabase = (url: string, database: string): string => {
  const [start = "", query = ""] = url.split("?");
  return `${start.slice(0, start.lastIndexOf("/"))}/${database}?${query}`;
};

async function asAdmin<T>(url: string, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}
