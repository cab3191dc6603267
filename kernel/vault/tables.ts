/** One row: the key that this database's secrets are sealed under by now, with a known text sealed by it. */
export interface VaultTables {
  vault_key: { id: number; key_id: string; check_value: string; at: number };
}
