import { appParams, startedSchema, toStarted } from "@norns/capabilities/apps/wire";
import { addRoute, eventStream, textStream, z, type Router } from "@norns/kernel/http";
import { invalid } from "@norns/kernel/errors";
import { appStatusSchema, logsQuery, scaleBody } from "./contract.ts";
import { bareLines, cursorsOf, sinceOf, toLogEvents } from "./logs/log-stream.ts";
import { readApps, readLogs, restart, scale } from "./policy.ts";
import type { Processes } from "./processes.ts";

export function processesRoutes(router: Router, processes: Processes): void {
  addRoute(
    router,
    {
      method: "get",
      path: "/api/apps",
      summary: "List the apps with what runs of them",
      tag: "Apps",
      access: { action: readApps },
      answer: z.array(appStatusSchema),
    },
    async ({ workspace }) => new Response(await processes.listStatusesJson(workspace), { headers: { "Content-Type": "application/json" } }),
  );

  addRoute(
    router,
    {
      method: "get",
      path: "/api/apps/{id}",
      summary: "Show an app with what runs of it",
      tag: "Apps",
      access: { action: readApps },
      params: appParams,
      answer: appStatusSchema,
    },
    ({ workspace, params }) => processes.getStatus(workspace, params.id),
  );

  addRoute(
    router,
    {
      method: "post",
      path: "/api/apps/{id}/restart",
      summary: "Restart an app, one instance at a time",
      description: "`status` is the seed system's word; the operation says when it is so.",
      tag: "Apps",
      access: { action: restart },
      params: appParams,
      status: 202,
      answer: startedSchema,
    },
    async ({ workspace, params, actor, scope }) => {
      const operation = await processes.restartApp({ workspace, actor, requestId: scope.requestId }, params.id);
      return toStarted(operation, "restarted");
    },
  );

  addRoute(
    router,
    {
      method: "post",
      path: "/api/apps/{id}/scale",
      summary: "Set how many instances of a process there should be",
      description:
        "Kept over deployments. `group` is the seed system's word for the process; `status` too, the operation says when it is so.",
      tag: "Apps",
      access: { action: scale },
      params: appParams,
      body: scaleBody,
      status: 202,
      answer: startedSchema,
    },
    async ({ workspace, params, body, actor, scope }) => {
      const process = body.process ?? body.group;
      if (!process)
        throw invalid("invalid_request", "group: say which process to scale.", {
          details: { fields: [{ field: "group", message: "is required" }] },
        });
      const operation = await processes.scaleApp({ workspace, actor, requestId: scope.requestId }, params.id, {
        process,
        count: body.count,
      });
      return toStarted(operation, "scaled");
    },
  );

  addRoute(
    router,
    {
      method: "get",
      path: "/api/apps/{id}/logs",
      summary: "Follow an app's log lines",
      description: [
        "Server-sent events `log` (`{at, ts, process, task, instance, alloc, stream, line}`) and `gap` (lines that are no longer kept).",
        "`Last-Event-ID` continues behind the last event. `follow=false` ends with what is there; `Accept: text/plain` gives the bare lines.",
      ].join(" "),
      tag: "Apps",
      access: { action: readLogs },
      params: appParams,
      query: logsQuery,
      answerTypes: ["text/event-stream", "text/plain"],
    },
    async (request) => {
      const { workspace, params, query, context } = request;
      const follow = query.follow ?? true;
      const cursors = cursorsOf(context.req.header("last-event-id"));
      const filter = {
        process: query.process,
        instance: query.instance,
        tail: query.tail ?? (cursors ? undefined : follow ? 100 : undefined),
        since: query.since === undefined ? undefined : sinceOf(query.since, Date.now()),
        cursors,
        follow,
      };
      // Asked for before the answer begins, so that an unknown app is a 404 and not a stream with an error in it.
      const stop = new AbortController();
      const lines = await processes.readLogs(workspace, params.id, { ...filter, signal: stop.signal });
      if (context.req.header("accept")?.includes("text/plain")) return textStream(request, bareLines(lines), stop);
      return eventStream(request, (signal) => {
        signal.addEventListener("abort", () => stop.abort(), { once: true });
        return toLogEvents(lines, cursors ?? []);
      });
    },
  );
}
