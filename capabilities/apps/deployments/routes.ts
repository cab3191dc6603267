import { appParams, rollbackStartedSchema, startedSchema, toStarted } from "@norns/capabilities/apps/wire";
import { addRoute, eventStream, linkNextPage, textStream, z, type Router } from "@norns/kernel/http";
import {
  deployBody,
  deploymentSchema,
  deploymentsQuery,
  operationParams,
  outputQuery,
  pageQuery,
  releaseSchema,
  rollbackBody,
  sagaEventSchema,
  sagaParams,
  sourceQuery,
  sourceSchema,
  statsSchema,
  stepSchema,
} from "./contract.ts";
import type { Deployments } from "./deployments.ts";
import { imageTagOf } from "./release.ts";
import { deploy, preflight, readDeployments, register, remove, rollBack } from "./policy.ts";
import { outputLines } from "./output-text.ts";
import { invalid } from "@norns/kernel/errors";

/** What `norns deploy [dir]` may send. */
const largestUploadBytes = 512 * 1024 * 1024;
const uploadMs = 15 * 60_000;

export function deploymentsRoutes(router: Router, deployments: Deployments): void {
  verbs(router, deployments);
  lists(router, deployments);
  saga(router, deployments);
}

function verbs(router: Router, deployments: Deployments): void {
  addRoute(
    router,
    {
      method: "post",
      path: "/api/apps/{id}/deploy",
      summary: "Deploy an app",
      description:
        "Starts a deployment of `ref`: `HEAD` (the branch's newest commit), a branch, a tag, or a commit of 7 to 40 hex digits. Follow it at `/api/deployments/{id}`.",
      tag: "Deployments",
      access: { action: deploy },
      params: appParams,
      body: deployBody,
      status: 202,
      answer: startedSchema,
    },
    async ({ workspace, params, body, actor, scope }) =>
      toStarted(await deployments.deployApp({ workspace, actor, requestId: scope.requestId }, params.id, body.ref), "queued"),
  );

  addRoute(
    router,
    {
      method: "post",
      path: "/api/apps/{id}/rollback",
      summary: "Go back to an earlier release",
      description:
        "To `release` (its number or id), or to the good one before the current. Nothing is built: the release's own spec and artifact are used.",
      tag: "Deployments",
      access: { action: rollBack },
      params: appParams,
      body: rollbackBody,
      status: 202,
      answer: rollbackStartedSchema,
    },
    async ({ workspace, params, body, actor, scope }) => {
      const to = body.release === undefined ? undefined : String(body.release);
      const { operation, release } = await deployments.rollBackApp({ workspace, actor, requestId: scope.requestId }, params.id, to);
      return { ...toStarted(operation, "queued"), imageTag: imageTagOf(release, release.artifact), release: release.number };
    },
  );

  addRoute(
    router,
    {
      method: "post",
      path: "/api/apps/{id}/preflight",
      summary: "Try a deployment: resolve, validate, build and test, and nothing more",
      tag: "Deployments",
      access: { action: preflight },
      params: appParams,
      body: deployBody,
      status: 202,
      answer: startedSchema,
    },
    async ({ workspace, params, body, actor, scope }) =>
      toStarted(await deployments.preflightApp({ workspace, actor, requestId: scope.requestId }, params.id, body.ref), "queued"),
  );

  addRoute(
    router,
    {
      method: "post",
      path: "/api/apps/{id}/source",
      summary: "Send the source of an app",
      description: "The source of one commit, with its infraspec.yaml at the top. Registers the app when it is new; deploy it afterwards.",
      tag: "Apps",
      access: { action: register },
      params: appParams,
      query: sourceQuery,
      bodyType: { type: "application/x-tar", description: "A tar, up to 512 MB: what `git archive <commit>` writes." },
      status: 201,
      answer: sourceSchema,
      bodyLimitBytes: largestUploadBytes,
      timeoutMs: uploadMs,
    },
    async ({ workspace, params, query, actor, scope, context }) => {
      const { body, signal } = context.req.raw;
      if (!body) throw invalid("source_missing", "The body is empty. Send a tar of one commit.");
      // The cast: Node's web streams are async iterable, the type of fetch does not say so.
      const bytes = body as unknown as AsyncIterable<Uint8Array>;
      return deployments.registerArchive(
        { workspace, actor, requestId: scope.requestId },
        { app: params.id, commit: query.commit, body: bytes, signal },
      );
    },
  );

  addRoute(
    router,
    {
      method: "delete",
      path: "/api/apps/{id}",
      summary: "Remove a registered app",
      description: "Stops all of it and takes it out of the catalogue. Volumes, logs and history are kept.",
      tag: "Apps",
      access: { action: remove },
      params: appParams,
      status: 202,
      answer: startedSchema,
    },
    async ({ workspace, params, actor, scope }) =>
      toStarted(await deployments.removeApp({ workspace, actor, requestId: scope.requestId }, params.id), "queued"),
  );
}

function lists(router: Router, deployments: Deployments): void {
  addRoute(
    router,
    {
      method: "get",
      path: "/api/deployments",
      summary: "List deployments and rollbacks, newest first",
      tag: "Deployments",
      access: { action: readDeployments },
      query: deploymentsQuery,
      answer: z.array(deploymentSchema),
    },
    async ({ workspace, query, context }) => {
      const page = await deployments.listDeployments(workspace, query);
      linkNextPage(context, page.cursor);
      return page.deployments;
    },
  );

  addRoute(
    router,
    {
      method: "get",
      path: "/api/deployments/{id}",
      summary: "Show a deployment",
      tag: "Deployments",
      access: { action: readDeployments },
      params: operationParams,
      answer: deploymentSchema,
    },
    ({ workspace, params }) => deployments.getDeployment(workspace, params.id),
  );

  addRoute(
    router,
    {
      method: "get",
      path: "/api/deployments/{id}/steps",
      summary: "List the steps of a deployment",
      tag: "Deployments",
      access: { action: readDeployments },
      params: operationParams,
      answer: z.object({ steps: z.array(stepSchema), count: z.number().int() }),
    },
    async ({ workspace, params }) => {
      const steps = await deployments.listDeploymentSteps(workspace, params.id);
      return { steps, count: steps.length };
    },
  );

  addRoute(
    router,
    {
      method: "get",
      path: "/api/deployments/{id}/output",
      summary: "Follow what build, test and migrations print",
      description:
        "Server-sent events `output` (`{step, stream, at, text}`), then `end`. `follow=false` ends with what is there; `Accept: text/plain` gives the bare lines. Works for preflights too.",
      tag: "Deployments",
      access: { action: readDeployments },
      params: operationParams,
      query: outputQuery,
      answerTypes: ["text/event-stream", "text/plain"],
    },
    async (request) => {
      const { workspace, params, query, context } = request;
      // Asked for before the answer begins, so that an unknown operation is a 404 and not a stream with an error in it.
      const stop = new AbortController();
      const output = await deployments.readStepOutput(workspace, params.id, {
        step: query.step,
        follow: query.follow ?? true,
        signal: stop.signal,
      });
      if (context.req.header("accept")?.includes("text/plain")) return textStream(request, outputLines(output), stop);
      return eventStream(request, async function* (signal) {
        signal.addEventListener("abort", () => stop.abort(), { once: true });
        for await (const chunk of output) yield { event: "output", data: JSON.stringify(chunk) };
        yield { event: "end", data: JSON.stringify({ reason: "complete" }) };
      });
    },
  );

  addRoute(
    router,
    {
      method: "get",
      path: "/api/apps/{id}/releases",
      summary: "List an app's releases, newest first",
      tag: "Deployments",
      access: { action: readDeployments },
      params: appParams,
      answer: z.array(releaseSchema),
    },
    ({ workspace, params }) => deployments.listReleases(workspace, params.id),
  );

  addRoute(
    router,
    {
      method: "get",
      path: "/api/stats",
      summary: "Today's deployments and what runs",
      tag: "General",
      access: { action: readDeployments },
      answer: statsSchema,
    },
    ({ workspace }) => deployments.getStats(workspace),
  );
}

function saga(router: Router, deployments: Deployments): void {
  addRoute(
    router,
    {
      method: "get",
      path: "/api/saga",
      summary: "List what happened to apps, newest first",
      tag: "Events",
      access: { action: readDeployments },
      query: pageQuery,
      answer: z.array(sagaEventSchema),
    },
    async ({ workspace, query, context }) => {
      const page = await deployments.listSaga(workspace, query);
      linkNextPage(context, page.cursor);
      return page.events;
    },
  );

  addRoute(
    router,
    {
      method: "get",
      path: "/api/saga/{sagaId}",
      summary: "List what happened in one operation, oldest first",
      description: "An unknown id has an empty list.",
      tag: "Events",
      access: { action: readDeployments },
      params: sagaParams,
      answer: z.array(sagaEventSchema),
    },
    ({ workspace, params }) => deployments.getSaga(workspace, params.sagaId),
  );
}
