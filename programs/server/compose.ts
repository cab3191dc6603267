/**
 * The composition root: the only place, with compose/, that names adapters. Layers from the ground up, each a function of
 * what lies below it; what a layer opens it hands to `own`, which closes everything in the opposite order.
 */
import { createBuiltinIngress } from "@norns/adapters/ingress/builtin";
import { createOutbound } from "@norns/adapters/outbound";
import { systemClock } from "@norns/kernel/clock";
import type { Config, Environment } from "@norns/kernel/config";
import type { Log, Mask } from "@norns/kernel/log";
import type { Role } from "./arguments.ts";
import { createBackground } from "./background.ts";
import { composeApps } from "./compose/apps.ts";
import { serveHttp } from "./compose/http.ts";
import { composeIdentity } from "./compose/identity.ts";
import { composeKernel } from "./compose/kernel.ts";
import { bringUpToDate } from "./compose/migrations.ts";
import { openState } from "./compose/state.ts";
import { startWorkers } from "./compose/workers.ts";
import { writeCredential } from "./credential.ts";
import { ensureKeys } from "./keys.ts";
import { urlOf } from "./listen.ts";
import { ensureNode } from "./nodes.ts";
import { pruneDaily } from "./prune.ts";

export interface Setup {
  readonly config: Config;
  readonly home: string;
  readonly log: Log;
  readonly mask: Mask;
  readonly role: Role;
  readonly queues: readonly string[] | undefined;
  /** The environment that builds may take named variables from (`NORNS_BUILD_ENV`). */
  readonly env: Environment;
  /** Ends a start that is under way. */
  readonly signal: AbortSignal;
}

export interface RunningServer {
  readonly role: Role;
  /** Undefined for a worker, which serves nothing. */
  readonly url: string | undefined;
  /** The one-time link of a fresh installation; null once it is claimed. */
  claimLink(): Promise<string | null>;
  /** Resolves with the error when a part of the server ended by itself. */
  readonly failed: Promise<unknown>;
  /** In order: no new requests, those in flight until the signal, operations handed back, database closed. */
  stop(signal: AbortSignal): Promise<void>;
}

export async function startServer(setup: Setup): Promise<RunningServer> {
  const { config, home, log, mask, role, queues, signal } = setup;
  const { promise: failed, resolve: fail } = Promise.withResolvers<unknown>();
  await using opened = new AsyncDisposableStack();

  const state = await openState({ config, home, log, mask, signal, own: opened });
  await bringUpToDate(state.store, log);
  const node = await ensureNode(state.store, home, systemClock);
  const keys = await ensureKeys({ store: state.store, home, secrets: config.secrets, mask, log });
  signal.throwIfAborted();

  const kernel = await composeKernel({ config, state, log });
  const background = opened.use(createBackground(log, fail));
  const outbound = createOutbound({ allowedNetworks: config.allowedNetworks.map((network) => network.text) });
  // With port 0 the system chooses: the address is known once the server listens.
  let url = urlOf(config.bindAddress, config.port);
  const identity = await composeIdentity({
    config,
    log,
    state,
    kernel,
    outbound,
    background,
    own: opened,
    secret: keys.signing,
    publicUrl: () => config.publicUrl?.origin ?? url,
    holdings: async (workspace) => (await apps.catalog.listApps(workspace)).map((app) => `app ${app.name}`),
  });
  const ingress = createBuiltinIngress({
    log,
    clock: systemClock,
    controlCookieNames: ["norns"],
    ...(config.publicUrl ? { controlHostnames: [config.publicUrl.hostname] } : {}),
    isTrustedProxy: (address) => config.trustedProxies.some((network) => network.contains(address)),
  });
  const apps = await composeApps({
    setup,
    state,
    kernel,
    identity,
    outbound,
    node,
    background,
    own: opened,
    ingresses: role === "worker" ? [] : [ingress],
  });
  signal.throwIfAborted();

  const definitions = [...apps.deployments.operations, ...apps.processes.operations];
  const { events } = kernel;
  const { accounts } = identity;
  background.run("pruning", (stop) =>
    pruneDaily({ events, accounts, keepEventsDays: config.keepEventsDays, clock: systemClock, log }, stop),
  );
  const workers =
    role === "api"
      ? undefined
      : await startWorkers({ config, home, log, state, kernel, node, definitions, queues, background, own: opened });
  const http = role === "worker" ? undefined : await serveHttp({ setup, state, kernel, identity, apps, ingress });
  if (http) {
    url = http.url;
    await writeCredential({ home, url, node, accounts: identity.accounts, mask });
  }

  const rest = opened.move();
  return {
    role,
    url: http?.url,
    claimLink: async () => (http ? await identity.accounts.claimLink() : null),
    failed,
    async stop(grace) {
      await Promise.all([http?.stop(grace), workers?.stop(grace)]);
      await rest.disposeAsync();
    },
  };
}
