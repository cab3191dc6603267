/** The router with every room's routes, and the HTTP server in front of it. */
import { sql } from "kysely";
import { createBuiltinIngress } from "@norns/adapters/ingress/builtin";
import { systemClock } from "@norns/kernel/clock";
import { createControlPlaneHosts, describeApi, newRouter, peerOf, requestPipeline, type Router } from "@norns/kernel/http";
import type { HttpBindings } from "@hono/node-server";
import { createMetrics } from "@norns/kernel/telemetry";
import type { Setup } from "../compose.ts";
import type { Background } from "../background.ts";
import { docsPage } from "../docs-page.ts";
import { eventsRoutes } from "../events-routes.ts";
import { createHealthCheck, healthRoutes } from "../health.ts";
import { homePage } from "../home-page.ts";
import { listen } from "../listen.ts";
import { createLiveStreams } from "../live-streams.ts";
import { metricsRoute } from "../metrics-route.ts";
import type { Node } from "../nodes.ts";
import { createSockets } from "../sockets/index.ts";
import { version } from "../version.ts";
import type { Kernel } from "./kernel.ts";
import type { State } from "./state.ts";

export interface ServedHttp {
  readonly url: string;
  stop(signal: AbortSignal): Promise<void>;
}

export interface HttpDeps {
  readonly setup: Setup;
  readonly state: State;
  readonly kernel: Kernel;
  readonly node: Node;
  readonly background: Background;
}

export async function serveHttp({ setup, state, kernel }: HttpDeps): Promise<ServedHttp> {
  const { config, log } = setup;
  const { store } = state;
  const hosts = createControlPlaneHosts({ publicUrl: config.publicUrl, bindAddress: config.bindAddress });
  const streams = createLiveStreams((actor, close) => kernel.revocations.whenRevoked(actor, close));
  const metrics = createMetrics();
  const resolveActor = async () => null;
  const resolveWorkspace = async () => undefined;
  const health = createHealthCheck({
    services: [{ name: "postgres", check: () => sql`select 1`.execute(store.tables<unknown>("kernel")) }],
    adapters: () => ({ database: state.kind }),
  });

  const router: Router = newRouter();
  router.use(
    "*",
    requestPipeline({
      log,
      clock: systemClock,
      hosts,
      allowedOrigins: config.allowedOrigins,
      trustedProxies: config.trustedProxies,
      socketAddressOf: (context) => (context.env as HttpBindings).incoming.socket.remoteAddress,
      resolveActor,
      resolveWorkspace,
      limiter: kernel.limiter,
      limits: { requests: { name: "requests", perMinute: config.requestsPerMinute }, badCredentials: { name: "bad-credentials", perMinute: 60 } },
      streams,
      meter: metrics,
    }),
  );
  healthRoutes(router, health);
  eventsRoutes(router, kernel.events);
  metricsRoute(router, metrics);
  docsPage(router, () => describeApi(router, version));
  homePage(router, { health, isClaimed: async () => true, links: [{ href: "/api/docs", title: "API reference", about: "every endpoint, to read and to try" }] });

  const ingress = createBuiltinIngress({ log, clock: systemClock, controlCookieNames: ["norns"], isTrustedProxy: (address) => config.trustedProxies.some((network) => network.contains(address)) });
  const sockets = createSockets({
    events: kernel.events,
    streams,
    rooms: [],
    log,
    resolveActor,
    resolveWorkspace,
    ownOrigin: (request) => hosts.originOf(request.headers.host ?? "", false),
    remoteAddress: (request) => peerOf(request.socket.remoteAddress, (name) => String(request.headers[name] ?? "") || undefined, config.trustedProxies).address,
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
