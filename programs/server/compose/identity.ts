/** Who is who, from the configuration: the identity wing as it is tested, with the server's database, limits and secret. */
import type { Outbound } from "@norns/adapters/outbound";
import { createIdentity, type Identity as IdentityWing, type IdentityConfig } from "@norns/capabilities/identity";
import { systemClock } from "@norns/kernel/clock";
import type { Config } from "@norns/kernel/config";
import { systemIdSource, type WorkspaceId } from "@norns/kernel/ids";
import type { Log } from "@norns/kernel/log";
import type { Background } from "../background.ts";
import type { Kernel } from "./kernel.ts";
import type { State } from "./state.ts";

export interface Identity extends IdentityWing {
  readonly defaultWorkspace: WorkspaceId;
}

export interface IdentityDeps {
  readonly config: Config;
  readonly log: Log;
  readonly state: State;
  readonly kernel: Pick<Kernel, "events" | "limiter">;
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

/** Throws `invalid` / `open_mode_needs_loopback`. */
export async function composeIdentity(deps: IdentityDeps): Promise<Identity> {
  const identity = createIdentity({
    store: deps.state.store,
    events: deps.kernel.events,
    limiter: deps.kernel.limiter,
    outboundFetch: (url, init) => deps.outbound.fetch(url, init),
    clock: systemClock,
    ids: systemIdSource,
    log: deps.log,
    holdings: deps.holdings,
    config: toIdentityConfig(deps),
  });
  deps.own.defer(() => identity.close());
  deps.background.run("audit sealer", (signal) => identity.sealer.run(signal));
  return { ...identity, ...(await identity.prepare()) };
}

function toIdentityConfig({ config, secret, publicUrl }: IdentityDeps): IdentityConfig {
  const { cfAccessTeamDomain: teamDomain, cfAccessAudience: audience, secrets } = config;
  return {
    open: config.auth === "open",
    openSignUp: config.signUp === "open",
    apiToken: secrets.apiToken?.reveal(),
    cfAccess: teamDomain && audience ? { teamDomain, audience } : undefined,
    bindAddress: config.bindAddress,
    publicUrl,
    secret,
    formerSecrets: secrets.earlierJwtSecrets?.reveal().split(",") ?? [],
    inviteSecret: secrets.inviteSecret?.reveal(),
  };
}
