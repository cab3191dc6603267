/** `/metrics` in Prometheus' text form. It tells of every workspace, so it takes an administrator of the installation. */
import type { Action } from "@norns/kernel/actor";
import { addRoute, type Router } from "@norns/kernel/http";
import type { Metrics } from "@norns/kernel/telemetry";

const readMetrics: Action = { name: "server.metrics", role: "admin", scope: "monitoring:read", platformAdmin: true };

export function metricsRoute(router: Router, metrics: Metrics): void {
  addRoute(
    router,
    {
      method: "get",
      path: "/metrics",
      summary: "Read metrics in Prometheus' text form",
      description: "Give Prometheus a credential: `authorization: { credentials_file: … }` with `NORNS_API_TOKEN` or the machine's own credential.",
      tag: "Server",
      access: { action: readMetrics },
      answerType: "text/plain",
    },
    async ({ context }) => context.body(await metrics.render(), 200, { "Content-Type": "text/plain; version=0.0.4; charset=utf-8" }),
  );
}
