/**
 * The installation's keys: given in the environment, or made at the first start. The database keeps a check value of
 * each, so that a server with another key is told so before it writes something that nobody can read again.
 */
import { createHmac } from "node:crypto";
import type { Secrets } from "@norns/kernel/config";
import type { RoomMigrations, Store } from "@norns/kernel/database";
import { conflict } from "@norns/kernel/errors";
import type { Log, Mask } from "@norns/kernel/log";
import { ensureKey } from "./home.ts";

interface Tables {
  key_checks: { name: string; value: string };
}

export interface Keys {
  /** Seals what is stored. */
  readonly encryption: string;
  /** From which identity derives the keys of sessions, API keys and the audit chain. */
  readonly signing: string;
}

export const keyMigrations: RoomMigrations = {
  schema: "kernel",
  room: "server/keys",
  migrations: [
    {
      id: "0001-key-checks",
      statements: (db) => [
        db.schema
          .createTable("key_checks")
          .addColumn("name", "text", (column) => column.primaryKey())
          .addColumn("value", "text", (column) => column.notNull()),
      ],
    },
  ],
};

export interface KeysDeps {
  readonly store: Store;
  readonly home: string;
  readonly secrets: Secrets;
  readonly mask: Mask;
  readonly log: Log;
}

/** Throws `conflict` / `wrong_encryption_key`. */
export async function ensureKeys({ store, home, secrets, mask, log }: KeysDeps): Promise<Keys> {
  const encryption = (secrets.encryptionKey ?? (await ensureKey(home, "encryption"))).reveal();
  const signing = (secrets.jwtSecret ?? (await ensureKey(home, "jwt"))).reveal();
  mask.add(encryption);
  mask.add(signing);
  if (!(await isKnown(store, "encryption", encryption)))
    throw conflict(
      "wrong_encryption_key",
      "The database was made with another encryption key. Set NORNS_ENCRYPTION_KEY to that one; without it, it is in keys/encryption of the NORNS_HOME that the database was first used from.",
    );
  if (!(await isKnown(store, "signing", signing)))
    log.warn({}, "The signing key (NORNS_JWT_SECRET) is another than the database was made with: sessions and API keys made under that one are not accepted.");
  return { encryption, signing };
}

/** Compares with what is kept; keeps it when there is nothing yet. */
async function isKnown(store: Store, name: string, key: string): Promise<boolean> {
  const db = store.tables<Tables>("kernel");
  const value = createHmac("sha256", key).update(`norns key check:${name}`).digest("base64url");
  await db.insertInto("key_checks").values({ name, value }).onConflict((conflict) => conflict.doNothing()).execute();
  const row = await db.selectFrom("key_checks").select("value").where("name", "=", name).executeTakeFirstOrThrow();
  return row.value === value;
}
