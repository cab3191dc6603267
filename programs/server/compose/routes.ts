/** Every route of every room, on one router: what is served, what openapi.json says, and what the truth table walks. */
import { identityRoutes } from "@norns/capabilities/identity";
import { eventRoutes, operationRoutes } from "@norns/capabilities/operations";
import { catalogRoutes, type CatalogRoutesDeps } from "@norns/capabilities/apps/catalog";
import { deploymentsRoutes, type Deployments } from "@norns/capabilities/apps/deployments";
import { processesRoutes, type Processes } from "@norns/capabilities/apps/processes";
import type { Engine } from "@norns/adapters/engines";
import type { Events } from "@norns/kernel/events";
import { newRouter, type Router } from "@norns/kernel/http";
import type { Ledger } from "@norns/kernel/ledger";
import type { Metrics } from "@norns/kernel/telemetry";
import { docsPage } from "../docs-page.ts";
import { enginesRoute } from "../engines-route.ts";
import { healthRoutes, type HealthAnswer } from "../health.ts";
import { homePage } from "../home-page.ts";
import { metricsRoute } from "../metrics-route.ts";
import type { Identity } from "./identity.ts";

export interface Rooms {
  readonly health: () => Promise<HealthAnswer>;
  readonly metrics: Metrics;
  readonly events: Events;
  readonly ledger: Ledger;
  readonly identity: Identity;
  readonly catalog: CatalogRoutesDeps;
  readonly processes: Processes;
  readonly deployments: Deployments;
  readonly engines: readonly Engine[];
}

/** Where the home page leads. */
const links = [
  { href: "/api/docs", title: "API reference", about: "every endpoint, to read and to try" },
  { href: "/api/health", title: "Health", about: "the same as above, for machines" },
];

export function allRoutes(router: Router, rooms: Rooms): void {
  homePage(router, { health: rooms.health, isClaimed: () => rooms.identity.accounts.isClaimed(), links });
  docsPage(router);
  healthRoutes(router, rooms.health);
  identityRoutes(router, rooms.identity);
  catalogRoutes(router, rooms.catalog);
  processesRoutes(router, rooms.processes);
  deploymentsRoutes(router, rooms.deployments);
  const { audit, defaultWorkspace } = rooms.identity;
  operationRoutes(router, { ledger: rooms.ledger, audit, defaultWorkspace });
  eventRoutes(router, rooms.events);
  enginesRoute(router, rooms.engines);
  metricsRoute(router, rooms.metrics, defaultWorkspace);
}

/** The router with nothing behind it: enough to describe and to list, and calling a handler of it is a mistake. */
export function describedRouter(): Router {
  const nothing = new Proxy(() => {}, {
    get: () => nothing,
    apply: () => {
      throw new Error("This router only describes its routes.");
    },
  }) as never;
  const router = newRouter();
  allRoutes(router, {
    health: nothing,
    metrics: nothing,
    events: nothing,
    ledger: nothing,
    identity: nothing,
    catalog: nothing,
    processes: nothing,
    deployments: nothing,
    engines: nothing,
  });
  return router;
}
