export interface ApiKeyTables {
  api_keys: {
    id: string;
    workspace: string;
    label: string;
    /** The first characters, to tell keys apart. */
    prefix: string;
    /** HMAC-SHA256 of the whole value, keyed by a secret that is not in the database. */
    hmac: string;
    /** JSON list. */
    scopes: string;
    /** `editor`, or less when its maker is less: kept up to date with the maker's membership. */
    role: string;
    created_by: string;
    created_by_label: string;
    created_at: number;
    expires_at: number | null;
    revoked_at: number | null;
    last_used_at: number | null;
  };
}
