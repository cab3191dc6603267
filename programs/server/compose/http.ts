/** The router with every room's routes, the sockets, and the HTTP server in front of them. */
import type { IncomingMessage } from "node:http";
import type { HttpBindings } from "@hono/node-server";
import type { ServingIngress } from "@norns/adapters/ingress";
import { deploymentsSocketMessage } from "@norns/capabilities/apps/deployments";
import { processesSocketMessage } from "@norns/capabilities/apps/processes";
import type { CredentialRequest } from "@norns/capabilities/identity/accounts";
import type { Actor } from "@norns/kernel/actor";
import { systemClock } from "@norns/kernel/clock";
import { createControlPlaneHosts, newRouter, peerOf, requestPipeline, type Router } from "@norns/kernel/http";
import { createMetrics, type Metrics } from "@norns/kernel/telemetry";
import type { Setup } from "../compose.ts";
import { createHealthCheck, type AdaptersInUse } from "../health.ts";
import { listen } from "../listen.ts";
import { createLiveStreams } from "../live-streams.ts";
import { createSockets } from "../sockets/index.ts";
import type { Apps } from "./apps.ts";
import type { Identity } from "./identity.ts";
import type { Kernel } from "./kernel.ts";
import { allRoutes } from "./routes.ts";
import type { State } from "./state.ts";

export interface ServedHttp {
  readonly url: string;
  stop(signal: AbortSignal): Promise<void>;
}

export interface HttpDeps {
  readonly setup: Setup;
  readonly state: State;
  readonly kernel: Kernel;
  readonly identity: Identity;
  readonly apps: Apps;
  readonly ingress: ServingIngress;
}

export async function serveHttp({ setup, state, kernel, identity, apps, ingress }: HttpDeps): Promise<ServedHttp> {
  const { config, log } = setup;
  const { accounts, workspaces } = identity;
  const hosts = createControlPlaneHosts({ publicUrl: config.publicUrl, bindAddress: config.bindAddress });
  const streams = createLiveStreams((actor, close) => accounts.whenRevoked(actor, close));
  const metrics = createMetrics();
  measure(metrics, kernel);
  const health = createHealthCheck({
    services: [
      { name: "postgres", check: () => state.store.pool.query("select 1") },
      { name: "process", check: async () => await requireAvailable(apps, "process") },
    ],
    adapters: () => adaptersInUse(state, kernel, apps, ingress),
  });
  const who = {
    resolveActor: (request: CredentialRequest, peer: { remoteAddress: string }) => accounts.resolveActor(request, peer),
    resolveWorkspace: (actor: Actor, named: string) => workspaces.resolveNamed(named, actor),
  };

  const router: Router = newRouter();
  router.use(
    "*",
    requestPipeline({
      log,
      clock: systemClock,
      hosts,
      allowedOrigins: config.allowedOrigins,
      trustedProxies: config.trustedProxies,
      // The cast: Hono knows only that there are bindings; the server of node:http always gives these.
      socketAddressOf: (context) => (context.env as HttpBindings).incoming.socket.remoteAddress,
      ...who,
      limiter: kernel.limiter,
      limits: {
        requests: { name: "requests", perMinute: config.requestsPerMinute },
        badCredentials: { name: "bad-credentials", perMinute: 60 },
      },
      streams,
      meter: metrics,
    }),
  );
  const catalog = { catalog: apps.catalog, store: state.store, repositories: { sources: apps.sources, scratchDir: apps.scratchDir } };
  allRoutes(router, {
    health,
    metrics,
    events: kernel.events,
    ledger: kernel.ledger,
    identity,
    catalog,
    processes: apps.processes,
    deployments: apps.deployments,
    engines: apps.engines,
  });

  const peer = (request: IncomingMessage) =>
    peerOf(request.socket.remoteAddress, (name) => headerOf(request.headers, name), config.trustedProxies);
  const sockets = createSockets({
    events: kernel.events,
    streams,
    rooms: [deploymentsSocketMessage, processesSocketMessage],
    log,
    ...who,
    ownOrigin: (request) => hosts.originOf(request.headers.host ?? "", peer(request).isSecure),
    remoteAddress: (request) => peer(request).address,
  });
  const listening = await listen({ address: config.bindAddress, port: config.port, router, hosts, ingress, sockets, log });
  return {
    url: listening.url,
    async stop(signal) {
      streams.stop();
      await sockets.close();
      await Promise.all([listening.stop(signal), ingress.close(5_000)]);
    },
  };
}

const headerOf = (headers: Readonly<Record<string, string | string[] | undefined>>, name: string): string | undefined => {
  const value = headers[name];
  return Array.isArray(value) ? value.join(", ") : value;
};

async function requireAvailable(apps: Apps, name: string): Promise<void> {
  const engine = apps.engines.find((one) => one.name === name);
  const support = await engine?.support();
  if (!support?.isAvailable) throw new Error(support?.reason ?? "There is no such engine.");
}

/** Every adapter by name, so that what stands in for something is seen by whoever looks. */
async function adaptersInUse(state: State, kernel: Kernel, apps: Apps, ingress: ServingIngress): Promise<AdaptersInUse> {
  const engines = await Promise.all(
    apps.engines.map(async (engine) => ((await engine.support()).isAvailable ? engine.name : `${engine.name} (not available)`)),
  );
  return { database: state.kind, transport: kernel.transport.name, engines, ingress: ingress.name };
}

function measure(metrics: Metrics, { ledger, events }: Kernel): void {
  metrics.addGauges({
    name: "norns_queue_operations",
    help: "Operations by queue and what becomes of them.",
    labels: ["queue", "state"],
    read: async () =>
      (await ledger.queues()).flatMap(({ queue, queued, running, dead }) => [
        { labels: [queue, "queued"], value: queued },
        { labels: [queue, "running"], value: running },
        { labels: [queue, "dead"], value: dead },
      ]),
  });
  metrics.addGauges({
    name: "norns_event_followers",
    help: "Streams and sockets that follow the event log here.",
    labels: [],
    read: async () => [{ labels: [], value: events.followerCount }],
  });
  metrics.addGauges({
    name: "norns_events_seq",
    help: "The number of the newest event.",
    labels: [],
    read: async () => [{ labels: [], value: await events.latest() }],
  });
  metrics.addGauges({
    name: "process_resident_memory_bytes",
    help: "Resident memory of this server process.",
    labels: [],
    read: async () => [{ labels: [], value: process.memoryUsage.rss() }],
  });
  metrics.addGauges({
    name: "process_cpu_seconds",
    help: "CPU time of this server process.",
    labels: [],
    read: async () => {
      const { user, system } = process.cpuUsage();
      return [{ labels: [], value: (user + system) / 1e6 }];
    },
  });
}
