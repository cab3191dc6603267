/**
 * `/metrics` in Prometheus' text form. Numbers of the whole installation and of nobody's things, so it takes a member of
 * workspace `default`, or a key of it with the scope `monitoring:read`.
 */
import type { Action } from "@norns/kernel/actor";
import { addRoute, type Router } from "@norns/kernel/http";
import type { WorkspaceId } from "@norns/kernel/ids";
import type { Metrics } from "@norns/kernel/telemetry";

const readMetrics: Action = { name: "server.metrics", role: "viewer", scope: "monitoring:read" };

export function metricsRoute(router: Router, metrics: Metrics, defaultWorkspace: WorkspaceId): void {
  addRoute(
    router,
    {
      method: "get",
      path: "/metrics",
      summary: "Read metrics in Prometheus' text form",
      description:
        "Give Prometheus a credential of workspace `default`: `authorization: { credentials_file: … }` with an API key of the scope `monitoring:read`, or `NORNS_API_TOKEN`.",
      tag: "Server",
      access: { action: readMetrics },
      workspace: () => defaultWorkspace,
      answerType: "text/plain",
    },
    async ({ context }) => context.body(await metrics.render(), 200, { "Content-Type": "text/plain; version=0.0.4; charset=utf-8" }),
  );
}
