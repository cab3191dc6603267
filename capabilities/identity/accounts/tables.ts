/** `users`, `sessions`, `credentials` and `verifications` are Better Auth's models under our names and types; the rest is ours. */
export interface AccountTables {
  users: {
    id: string;
    name: string;
    /** Lower case. */
    email: string;
    email_verified: number;
    image: string | null;
    /** Not a field of Better Auth's: no request can set it. */
    is_platform_admin: number;
    created_at: number;
    updated_at: number;
  };
  sessions: {
    id: string;
    user_id: string;
    /** Of the token: a copy of the table opens no session. */
    token_hmac: string;
    ip_address: string | null;
    user_agent: string | null;
    expires_at: number;
    created_at: number;
    updated_at: number;
  };
  /** Ways in of a person: a password now; linked identities later. */
  credentials: {
    id: string;
    user_id: string;
    account_id: string;
    provider_id: string;
    password: string | null;
    access_token: string | null;
    refresh_token: string | null;
    id_token: string | null;
    access_token_expires_at: number | null;
    refresh_token_expires_at: number | null;
    scope: string | null;
    created_at: number;
    updated_at: number;
  };
  verifications: {
    id: string;
    identifier: string;
    value: string;
    expires_at: number;
    created_at: number;
    updated_at: number;
  };
  /** Facts of the installation: `claimed`, `claim-link:<hash>`, `local-credential:<home>`. */
  installation: { name: string; value: string; at: number };
  socket_tickets: { hash: string; bearer: string; expires_at: number };
}
