/**
 * The machine, as a row: what process and Docker apps are bound to. One a NORNS_HOME; its id is kept there, so a restored
 * database or a moved home is noticed rather than mixed up.
 */
import { hostname } from "node:os";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "@norns/kernel/clock";
import type { RoomMigrations, Store } from "@norns/kernel/database";
import { newId, type NodeId } from "@norns/kernel/ids";
import { writeOnce } from "./home.ts";

interface Tables {
  nodes: { id: string; name: string; home: string; first_seen_at: number; last_seen_at: number };
}

export interface Node {
  readonly id: NodeId;
  readonly name: string;
}

export const nodesMigrations: RoomMigrations = {
  schema: "kernel",
  room: "server/nodes",
  migrations: [
    {
      id: "0001-nodes",
      statements: (db) => [
        db.schema
          .createTable("nodes")
          .addColumn("id", "text", (column) => column.primaryKey())
          .addColumn("name", "text", (column) => column.notNull())
          .addColumn("home", "text", (column) => column.notNull())
          .addColumn("first_seen_at", "bigint", (column) => column.notNull())
          .addColumn("last_seen_at", "bigint", (column) => column.notNull()),
      ],
    },
  ],
};

/** The id of this home, made at its first start. */
export async function ensureNode(store: Store, home: string, clock: Clock): Promise<Node> {
  const id = await readOrMakeId(join(home, "node"));
  const name = hostname();
  const now = clock.now();
  await store
    .tables<Tables>("kernel")
    .insertInto("nodes")
    .values({ id, name, home, first_seen_at: now, last_seen_at: now })
    .onConflict((conflict) => conflict.column("id").doUpdateSet({ name, home, last_seen_at: now }))
    .execute();
  return { id, name };
}

async function readOrMakeId(file: string): Promise<NodeId> {
  const read = async () => (await readFile(file, "utf8")).trim();
  try {
    return (await read()) as NodeId;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  await writeOnce(file, `${newId("NodeId")}\n`);
  return (await read()) as NodeId;
}
