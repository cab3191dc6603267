/**
 * A wrong ENCRYPTION_KEY is found when the server starts, not when the first secret is needed. The database keeps a known
 * text sealed under the key in use; a server must be able to open it. A new key takes its place when the one before is
 * given too (as an earlier key).
 */
import { systemClock, type Clock } from "../clock/index.ts";
import type { Store } from "../database/index.ts";
import { conflict, NornsError } from "../errors/index.ts";
import type { VaultTables } from "./tables.ts";
import type { Vault } from "./vault.ts";

const checkText = "norns";
const contextOf = (keyId: string): string => `vault:check:${keyId}`;

/** Throws `conflict` `encryption_key_wrong`. Harmless to repeat, also by two servers at once: of two new keys one wins. */
export async function ensureVaultKey(store: Store, vault: Vault, clock: Pick<Clock, "now"> = systemClock): Promise<void> {
  const db = store.tables<VaultTables>("kernel");
  const read = async () => await db.selectFrom("vault_key").selectAll().where("id", "=", 1).executeTakeFirst();
  const mine = { key_id: vault.keyId, check_value: vault.seal(checkText, contextOf(vault.keyId)), at: clock.now() };

  const found = await read();
  if (found) check(vault, found);
  if (found?.key_id === vault.keyId) return;
  if (found) await db.updateTable("vault_key").set(mine).where("id", "=", 1).where("key_id", "=", found.key_id).execute();
  else
    await db
      .insertInto("vault_key")
      .values({ id: 1, ...mine })
      .onConflict((conflicting) => conflicting.doNothing())
      .execute();
  // Another server may have been quicker, with another key.
  const now = await read();
  if (now) check(vault, now);
}

function check(vault: Vault, { key_id: keyId, check_value: sealed }: VaultTables["vault_key"]): void {
  try {
    if (vault.open(sealed, contextOf(keyId)) === checkText) return;
  } catch (error) {
    if (!(error instanceof NornsError)) throw error;
  }
  throw conflict(
    "encryption_key_wrong",
    `ENCRYPTION_KEY is not the one that this database's secrets were sealed under (${keyId}; yours is ${vault.keyId}). Give the right one; to change keys, give the old one as an earlier key.`,
    { details: { expected: keyId, given: vault.keyId } },
  );
}
