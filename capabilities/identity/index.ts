/**
 * The identity wing in one call: audit, API keys, workspaces, accounts, and who asks.
 *
 * ```ts
 * const identity = createIdentity({ store, events, limiter, outboundFetch, clock, ids, log, config });
 * await identity.prepare();                        // workspace `default`
 * identityRoutes(router, identity);
 * const link = await identity.accounts.claimLink(); // null when claimed
 * const actor = await identity.accounts.resolveActor(request, { remoteAddress });
 * ```
 */
import { createRevocations, revocationMigrations, type Action, type Revocations } from "@norns/kernel/actor";
import type { Clock } from "@norns/kernel/clock";
import type { RoomMigrations, Store } from "@norns/kernel/database";
import { invalid } from "@norns/kernel/errors";
import type { Events } from "@norns/kernel/events";
import { isLoopbackHost, type RateLimiter, type Router } from "@norns/kernel/http";
import type { IdSource, WorkspaceId } from "@norns/kernel/ids";
import type { Log } from "@norns/kernel/log";
import {
  accountMigrations,
  accountRoutes,
  createAccounts,
  deriveSecret,
  type Accounts,
  type Modes,
} from "@norns/capabilities/identity/accounts";
import { apiKeyActions, apiKeyMigrations, apiKeyRoutes, createApiKeys, type ApiKeys } from "@norns/capabilities/identity/api-keys";
import {
  auditActions,
  auditMigrations,
  auditRoutes,
  createAudit,
  createSealer,
  type Audit,
  type Sealer,
} from "@norns/capabilities/identity/audit";
import {
  createWorkspaces,
  workspaceActions,
  workspaceMigrations,
  workspaceRoutes,
  type Workspaces,
} from "@norns/capabilities/identity/workspaces";

export interface IdentityConfig extends Modes {
  /** The address the server listens on: open mode is refused on anything but loopback. */
  readonly bindAddress: string;
  /** Where a person's browser finds the server: `https://norns.example.com`, `http://127.0.0.1:8800`. Asked when a link is made. */
  readonly publicUrl: () => string;
  /** `NORNS_JWT_SECRET`: everything that the wing signs or hashes is keyed by what is derived from it. At least 32 characters. */
  readonly secret: string;
  /** `NORNS_EARLIER_JWT_SECRETS`: rows of the audit trail that were sealed under them stay verifiable. */
  readonly formerSecrets?: readonly string[];
  /** `NORNS_WORKSPACE_INVITE_SECRET`; without one, `secret` is used. */
  readonly inviteSecret?: string | undefined;
  /** At most 5,000 on Node, 10,000 on Workers. */
  readonly actorCacheMs?: number;
}

export interface IdentityDeps {
  readonly store: Store;
  readonly events: Events;
  readonly limiter: RateLimiter;
  readonly outboundFetch: (url: string, init: { signal: AbortSignal }) => Promise<Response>;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly log: Log;
  readonly config: IdentityConfig;
  /** Names of what other rooms keep in a workspace (`app shop`): a workspace is deleted only when there is none. */
  readonly holdings?: (workspace: WorkspaceId) => Promise<readonly string[]>;
}

export interface Identity {
  readonly accounts: Accounts;
  readonly workspaces: Workspaces;
  readonly apiKeys: ApiKeys;
  readonly audit: Audit;
  /** Run it in every server: `sealer.run(signal)`. */
  readonly sealer: Sealer;
  readonly revocations: Revocations;
  readonly config: IdentityConfig;
  /** Makes workspace `default` when there is none. After the migrations, before the first request. */
  prepare(): Promise<{ defaultWorkspace: WorkspaceId }>;
  /** Ends loops. Harmless to repeat. */
  close(): Promise<void>;
}

export function createIdentity(deps: IdentityDeps): Identity {
  const { store, events, clock, ids, log, config } = deps;
  refuseUnsafeStart(config);
  const chainKeys = [config.secret, ...(config.formerSecrets ?? [])].map((secret) => deriveSecret(secret, "audit chain"));
  const revocations = createRevocations({ store, clock, log });
  const sealer = createSealer({ store, clock, log, chainKey: chainKeys[0]! });
  const audit = createAudit({ store, clock, ids, chainKeys, recorded: sealer.lookSoon });
  const apiKeys = createApiKeys({
    store,
    events,
    audit,
    revocations,
    clock,
    ids,
    pepper: deriveSecret(config.secret, "api keys"),
    holdMembership: (write, workspace, user, role) => workspaces.holdMembership(write, workspace, user, role),
  });
  const workspaces: Workspaces = createWorkspaces({
    store,
    events,
    audit,
    revocations,
    clock,
    ids,
    people: { findPeople: (people) => accounts.findPeople(people) },
    invitationSecret: config.inviteSecret ?? config.secret,
    publicUrl: config.publicUrl,
    membershipChanged: (write, change) => apiKeys.membershipChanged(write, change),
    workspaceDeleted: (write, workspace) => apiKeys.workspaceDeleted(write, workspace),
    holdings: deps.holdings ?? (async () => []),
  });
  const accounts: Accounts = createAccounts({
    store,
    events,
    audit,
    workspaces,
    apiKeys,
    revocations,
    limiter: deps.limiter,
    clock,
    ids,
    log,
    modes: config,
    publicUrl: config.publicUrl,
    secret: config.secret,
    outboundFetch: deps.outboundFetch,
    ...(config.actorCacheMs === undefined ? {} : { actorCacheMs: config.actorCacheMs }),
  });
  return {
    accounts,
    workspaces,
    apiKeys,
    audit,
    sealer,
    revocations,
    config,
    async prepare() {
      return { defaultWorkspace: await workspaces.ensureDefault() };
    },
    close: () => revocations.close(),
  };
}

/** Open mode lets in whoever reaches the port, so the port must be reachable from this machine only [N12]. */
function refuseUnsafeStart({ open, bindAddress, secret }: Pick<IdentityConfig, "open" | "bindAddress" | "secret">): void {
  if (open && !isLoopbackHost(bindAddress))
    throw invalid(
      "open_mode_needs_loopback",
      `NORNS_AUTH=open lets everyone in, so it needs a loopback address, and the server is to listen on ${bindAddress}.`,
    );
  if (secret.length < 32) throw invalid("secret_too_short", "The installation's secret (JWT_SECRET) needs at least 32 characters.");
}

export function identityRoutes(router: Router, identity: Identity): void {
  accountRoutes(router, identity.accounts);
  workspaceRoutes(router, identity.workspaces);
  apiKeyRoutes(router, identity.apiKeys);
  auditRoutes(router, identity.audit);
}

/** In the order in which they run. The first belongs to the kernel's schema: run kernel migrations before. */
export const identityMigrations: readonly RoomMigrations[] = [
  revocationMigrations,
  auditMigrations,
  workspaceMigrations,
  apiKeyMigrations,
  accountMigrations,
];

/** Every action of the wing, for the truth table. */
export const identityActions: readonly Action[] = [...workspaceActions, ...apiKeyActions, ...auditActions];

export type { Accounts, ApiKeys, Audit, Modes, Sealer, Workspaces };
