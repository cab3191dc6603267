/**
 * The installation's keys: given in the environment, or made at the first start. The database keeps a check value of
 * each, so that a server with another key is told so before it writes something that nobody can read again.
 */
import { createHmac } from "node:crypto";
import { systemClock } from "@norns/kernel/clock";
import type { Secrets } from "@norns/kernel/config";
import type { RoomMigrations, Store } from "@norns/kernel/database";
import type { Log, Mask } from "@norns/kernel/log";
import { createVault, ensureVaultKey, parseEncryptionKey, type Vault } from "@norns/kernel/vault";
import { ensureKey } from "./home.ts";

interface Tables {
  key_checks: { name: string; value: string };
}

export interface Keys {
  readonly vault: Vault;
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

/** Throws `conflict` / `encryption_key_wrong`. Another signing key is a warning: it ends sessions, and loses nothing. */
export async function ensureKeys({ store, home, secrets, mask, log }: KeysDeps): Promise<Keys> {
  const encryption = (secrets.encryptionKey ?? (await ensureKey(home, "encryption"))).reveal();
  const signing = (secrets.jwtSecret ?? (await ensureKey(home, "jwt"))).reveal();
  const earlier = secrets.earlierEncryptionKeys?.reveal().split(",") ?? [];
  const earlierSigning = secrets.earlierJwtSecrets?.reveal().split(",") ?? [];
  for (const key of [encryption, signing, ...earlier, ...earlierSigning]) mask.add(key);

  const vault = createVault({ key: parseEncryptionKey(encryption), earlierKeys: earlier.map(parseEncryptionKey) });
  await ensureVaultKey(store, vault, systemClock);
  if (!(await isKnown(store, "signing", signing)))
    log.warn(
      {},
      "The signing key (NORNS_JWT_SECRET) is another than the database was made with: sessions and API keys made under that one are not accepted. Give that one as NORNS_EARLIER_JWT_SECRETS: the audit trail it sealed is then still verified.",
    );
  return { vault, signing };
}

/** Compares with what is kept; keeps it when there is nothing yet. */
async function isKnown(store: Store, name: string, key: string): Promise<boolean> {
  const db = store.tables<Tables>("kernel");
  const value = createHmac("sha256", key).update(`norns key check:${name}`).digest("base64url");
  await db
    .insertInto("key_checks")
    .values({ name, value })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  const row = await db.selectFrom("key_checks").select("value").where("name", "=", name).executeTakeFirstOrThrow();
  return row.value === value;
}
