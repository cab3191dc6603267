/** Who is who: audit, workspaces, API keys, accounts. The rooms know each other by doors; the circle is closed here. */
import { createHmac } from "node:crypto";
import type { Outbound } from "@norns/adapters/outbound";
import { createAccounts, type Accounts } from "@norns/capabilities/identity/accounts";
import { createApiKeys, type ApiKeys } from "@norns/capabilities/identity/api-keys";
import { createAudit, createSealer, type Audit } from "@norns/capabilities/identity/audit";
import { createWorkspaces, type Workspaces } from "@norns/capabilities/identity/workspaces";
import { systemClock } from "@norns/kernel/clock";
import type { Config } from "@norns/kernel/config";
import { systemIdSource, type WorkspaceId } from "@norns/kernel/ids";
import type { Log } from "@norns/kernel/log";
import type { Background } from "../background.ts";
import type { Kernel } from "./kernel.ts";
import type { State } from "./state.ts";

export interface Identity {
  readonly audit: Audit;
  readonly workspaces: Workspaces;
  readonly apiKeys: ApiKeys;
  readonly accounts: Accounts;
  readonly defaultWorkspace: WorkspaceId;
}

export interface IdentityDeps {
  readonly config: Config;
  readonly log: Log;
  readonly state: State;
  readonly kernel: Kernel;
  readonly outbound: Outbound;
  /** The installation's secret, from which all of identity's are derived. */
  readonly secret: string;
  /** Where people reach the server: known for sure only once it listens. */
  readonly publicUrl: () => string;
  /** What a workspace still holds: it is deleted only when that is nothing. */
  readonly holdings: (workspace: WorkspaceId) => Promise<readonly string[]>;
  readonly background: Background;
  readonly own: AsyncDisposableStack;
}

export async function composeIdentity(deps: IdentityDeps): Promise<Identity> {
  const { config, log, kernel, secret, background } = deps;
  const { store } = deps.state;
  const { events, revocations, limiter } = kernel;
  const shared = { store, events, revocations, clock: systemClock, ids: systemIdSource };

  const chainKey = derive(secret, "audit chain");
  const audit = createAudit({ store, clock: systemClock, ids: systemIdSource, chainKeys: [chainKey] });
  background.run("audit sealer", (signal) => createSealer({ store, clock: systemClock, log, chainKey }).run(signal));

  const workspaces: Workspaces = createWorkspaces({
    ...shared,
    audit,
    people: { findPeople: (ids) => accounts.findPeople(ids) },
    invitationSecret: config.secrets.inviteSecret?.reveal() ?? secret,
    publicUrl: deps.publicUrl,
    membershipChanged: (write, change) => apiKeys.membershipChanged(write, change),
    workspaceDeleted: (write, workspace) => apiKeys.workspaceDeleted(write, workspace),
    holdings: deps.holdings,
  });
  const apiKeys: ApiKeys = createApiKeys({
    ...shared,
    audit,
    holdMembership: (write, workspace, user, role) => workspaces.holdMembership(write, workspace, user, role),
    pepper: derive(secret, "api keys"),
  });
  const accounts: Accounts = createAccounts({
    ...shared,
    audit,
    workspaces,
    apiKeys,
    limiter,
    log,
    modes: {
      open: config.auth === "open",
      apiToken: config.secrets.apiToken?.reveal(),
      cfAccess:
        config.cfAccessTeamDomain && config.cfAccessAudience
          ? { teamDomain: config.cfAccessTeamDomain, audience: config.cfAccessAudience }
          : undefined,
      openSignUp: config.signUp === "open",
    },
    publicUrl: deps.publicUrl,
    secret,
    outboundFetch: (url, init) => deps.outbound.fetch(url, init),
  });
  deps.own.defer(() => accounts.close());
  return { audit, workspaces, apiKeys, accounts, defaultWorkspace: await workspaces.ensureDefault() };
}

/** One secret makes many, so that knowing one says nothing of the others. */
const derive = (secret: string, use: string): string => createHmac("sha256", secret).update(`norns:${use}`).digest("base64url");
