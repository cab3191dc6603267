import type { Revocations } from "@norns/kernel/actor";
import type { Clock } from "@norns/kernel/clock";
import type { Store } from "@norns/kernel/database";
import type { Events } from "@norns/kernel/events";
import type { RateLimiter } from "@norns/kernel/http";
import type { IdSource } from "@norns/kernel/ids";
import type { Log } from "@norns/kernel/log";
import type { ApiKeys } from "@norns/capabilities/identity/api-keys";
import type { Audit } from "@norns/capabilities/identity/audit";
import type { Workspaces } from "@norns/capabilities/identity/workspaces";
import type { Auth } from "./better-auth/auth.ts";
import type { CredentialRequest } from "./contract.ts";
import type { Passwords } from "./password.ts";
import type { AccountStore } from "./store.ts";

/** How callers are let in besides sessions and keys. */
export interface Modes {
  /** `NORNS_AUTH=open`. Refused at start unless the server listens on loopback only. */
  readonly open: boolean;
  /** `NORN_API_TOKEN`. */
  readonly apiToken: string | undefined;
  readonly cfAccess: { readonly teamDomain: string; readonly audience: string } | undefined;
  /** Anybody may make an account for themselves. Off unless the operator says so. */
  readonly openSignUp: boolean;
}

export interface AccountsDeps {
  readonly store: Store;
  readonly events: Events;
  readonly audit: Audit;
  readonly workspaces: Workspaces;
  readonly apiKeys: ApiKeys;
  readonly revocations: Revocations;
  readonly limiter: RateLimiter;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly log: Log;
  readonly modes: Modes;
  /** Where a person's browser finds the server, without a slash at the end: links begin with it, and https makes cookies secure. */
  readonly publicUrl: () => string;
  /** The installation's secret (`JWT_SECRET`, or made from `ENCRYPTION_KEY`): what is kept of sessions is keyed by it. */
  readonly secret: string;
  /** For Cloudflare's public keys. Guarded: resolves once, pins, refuses private ranges. */
  readonly outboundFetch: (url: string, init: { signal: AbortSignal }) => Promise<Response>;
  /** How long an actor is kept without asking the database anew (revocations end it at once). At most 5 s on Node. */
  readonly actorCacheMs?: number;
}

/** What the verbs of this room share. */
export interface Room extends AccountsDeps {
  readonly rows: AccountStore;
  readonly passwords: Passwords;
  readonly sessionSecret: string;
  /** Better Auth, loaded on first use. */
  readonly auth: () => Promise<Auth>;
  /** Sent by https, or to the host of a `publicUrl` that is https: a proxy in front has taken the TLS off. */
  readonly isSecure: (request: Pick<CredentialRequest, "url" | "headers">) => boolean;
}
