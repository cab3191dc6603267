/**
 * Sealing secrets at rest: AES-256-GCM under the installation's key, each with the key's id, so that keys can be changed.
 *
 * ```ts
 * const vault = createVault({ key: parseEncryptionKey(config.encryptionKey), earlierKeys: [] });
 * await ensureVaultKey(store, vault, clock);
 * const sealed = vault.seal("s3cret", "app:hello/secret:API_KEY");
 * vault.open(sealed, "app:hello/secret:API_KEY");
 * ```
 */
export { newEncryptionKey, parseEncryptionKey, type EncryptionKey } from "./key.ts";
export { createVault, type Vault, type VaultKeys } from "./vault.ts";
export { ensureVaultKey } from "./check-value.ts";
export { vaultMigrations } from "./migrations.ts";
