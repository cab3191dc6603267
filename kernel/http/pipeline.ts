/**
 * What every request passes before its route: one middleware, in one order. Names first (a foreign Host learns nothing),
 * then who may read the answer (CORS) and whose page may write (Origin), then the scope that handlers see. Who calls is
 * found out only by routes that ask, so that `/api/health` answers with the database away.
 */
import type { Context, MiddlewareHandler } from "hono";
import type { Actor } from "../actor/index.ts";
import type { Clock } from "../clock/index.ts";
import { NornsError } from "../errors/index.ts";
import type { WorkspaceId } from "../ids/index.ts";
import type { Log } from "../log/index.ts";
import type { HttpMeter } from "../telemetry/index.ts";
import { corsHeaders, preflightHeaders } from "./cors.ts";
import { dataPolicy, securityHeaders } from "./headers.ts";
import { parseHost, type ControlPlaneHosts } from "./hosts.ts";
import type { Network } from "./network.ts";
import { checkOrigin, isWrite } from "./origins.ts";
import { limitKeyOf, peerOf, type Peer } from "./peer.ts";
import type { RateLimiter, RateRule } from "./rate-limit/index.ts";
import { parseTraceparent, requestIdFrom } from "./request-id.ts";
import { answerError, type HttpEnv, type RequestScope } from "./route.ts";
import type { LiveStreams } from "./streams.ts";
import { misdirected } from "./misdirected.ts";

export interface PipelineDeps {
  readonly log: Log;
  readonly clock: Clock;
  readonly hosts: ControlPlaneHosts;
  readonly allowedOrigins: readonly string[];
  readonly trustedProxies: readonly Network[];
  /** The socket's own address: from Node's request, or what the platform vouches for. */
  readonly socketAddressOf: (context: Context) => string | undefined;
  /** Null without a credential or with one that is not valid. Throws `unavailable` when nobody can say. */
  readonly resolveActor: (request: Request, peer: { remoteAddress: string }) => Promise<Actor | null>;
  /** An id or a slug of the header `X-Norns-Workspace` → id, when the actor belongs to it. */
  readonly resolveWorkspace: (actor: Actor, named: string) => Promise<WorkspaceId | undefined>;
  readonly limiter?: RateLimiter;
  readonly limits: { readonly requests: RateRule; readonly badCredentials: RateRule };
  readonly streams?: LiveStreams;
  readonly meter?: HttpMeter;
}

const nowhere = "" as WorkspaceId;

export function requestPipeline(deps: PipelineDeps): MiddlewareHandler<HttpEnv> {
  return async (context, next) => {
    const startedAt = performance.now();
    const header = (name: string) => context.req.header(name);
    const peer = peerOf(deps.socketAddressOf(context), header, deps.trustedProxies);
    const own = deps.hosts.originOf(header("host") ?? "", peer.isSecure);
    const scope = createScope(deps.log, requestIdFrom(header("x-request-id")), header("traceparent"), peer);
    context.set("scope", scope);
    const headers = headersOfEvery(deps, context, scope, own?.startsWith("https:") ?? false);
    // Set before the route runs: Hono then makes the answer once, with all of them.
    for (const [name, value] of headers) context.header(name, value);

    try {
      const isDone = admit(deps, context, own);
      if (isDone) return isDone;
      context.set(
        "identify",
        once(() => identify(deps, context, scope)),
      );
      if (deps.streams) context.set("streams", deps.streams);
      if (deps.limiter) context.set("limiter", deps.limiter);
      await next();
    } catch (thrown) {
      context.res = answerError(thrown, context);
      context.error = thrown as Error;
    } finally {
      completeHeaders(context.res.headers, headers);
      finish(deps, context, scope, performance.now() - startedAt);
    }
  };
}

/** The log line's fields cost a child logger; most requests never write one, so it is made when asked for. */
function createScope(log: Log, requestId: string, traceparent: string | undefined, peer: Peer): RequestScope {
  let own: Log | undefined;
  return {
    requestId,
    actor: null,
    workspace: nowhere,
    remoteAddress: peer.address,
    get log() {
      const trace = parseTraceparent(traceparent);
      return (own ??= log.child({ requestId, ...(trace ? { traceId: trace.traceId, parentId: trace.parentId } : {}) }));
    },
  };
}

type HeaderList = readonly (readonly [string, string])[];

function headersOfEvery(deps: PipelineDeps, context: Context<HttpEnv>, scope: RequestScope, isSecure: boolean): HeaderList {
  return [
    ["X-Request-Id", scope.requestId],
    ["Cache-Control", "no-store"],
    ["Content-Security-Policy", dataPolicy],
    ...securityHeaders(isSecure),
    ...corsHeaders(context.req.header("origin"), deps.allowedOrigins),
  ];
}

/** Refuses what must not reach a route; answers a browser's preflight itself. */
function admit(deps: PipelineDeps, context: Context<HttpEnv>, own: string | undefined): Response | undefined {
  const host = parseHost(context.req.header("host"));
  if (!host || !deps.hosts.has(host)) throw misdirected(host?.name);

  const { method } = context.req;
  const origin = context.req.header("origin");
  if (method === "OPTIONS" && origin !== undefined && context.req.header("access-control-request-method") !== undefined) {
    if (deps.allowedOrigins.includes(origin)) for (const [name, value] of preflightHeaders) context.header(name, value);
    return context.body(null, 204);
  }
  if (isWrite(method))
    checkOrigin({
      origin,
      own,
      allowed: deps.allowedOrigins,
      hasCookie: context.req.header("cookie") !== undefined,
      hasExplicitCredential: hasExplicitCredential(context),
    });
  return undefined;
}

const hasExplicitCredential = (context: Context): boolean =>
  context.req.header("authorization") !== undefined || context.req.header("x-api-key") !== undefined;

/** Who calls, in which workspace, and whether they ask too much. A credential that is not valid counts against its sender. */
async function identify(deps: PipelineDeps, context: Context<HttpEnv>, scope: RequestScope): Promise<RequestScope> {
  const actor = await deps.resolveActor(context.req.raw, { remoteAddress: scope.remoteAddress });
  if (!actor && hasExplicitCredential(context)) await deps.limiter?.take(deps.limits.badCredentials, limitKeyOf(scope.remoteAddress));
  await deps.limiter?.take(deps.limits.requests, actor ? `${actor.kind}:${actor.id}` : limitKeyOf(scope.remoteAddress));
  if (!actor) return scope;
  const named = context.req.header("x-norns-workspace");
  // A workspace that is not the actor's keeps its name: authorise finds no role there and answers 404.
  const workspace = named === undefined ? actor.homeWorkspace : ((await deps.resolveWorkspace(actor, named)) ?? (named as WorkspaceId));
  return Object.defineProperties(Object.create(null), {
    ...Object.getOwnPropertyDescriptors(scope),
    actor: { value: actor, enumerable: true },
    workspace: { value: workspace, enumerable: true },
  }) as RequestScope;
}

/** An answer that a handler made itself (a page, a stream) lacks what was prepared: it gets what it has not set. */
function completeHeaders(answer: Headers, prepared: HeaderList): void {
  if (answer.has("X-Request-Id")) return;
  for (const [name, value] of prepared) if (!answer.has(name)) answer.set(name, value);
}

function finish(deps: PipelineDeps, context: Context<HttpEnv>, scope: RequestScope, ms: number): void {
  const { status } = context.res;
  const { method, path } = context.req;
  deps.meter?.observe(method, context.req.routePath, status, ms);
  const error = context.error as unknown;
  // A refusal is an answer like any other; only what is our own fault is written with its cause.
  const isOurFault = status >= 500;
  const level = isOurFault ? "error" : isWrite(method) && path !== "/api/auth/get-session" ? "info" : "debug";
  const fields = {
    method,
    path,
    status,
    ms: Math.round(ms * 10) / 10,
    remote: scope.remoteAddress,
    ...(error instanceof NornsError ? { code: error.code } : {}),
  };
  (context.var.scope ?? scope).log[level](isOurFault && error ? { ...fields, error } : fields, `${method} ${path} ${status}`);
}

const once = <Value>(work: () => Promise<Value>): (() => Promise<Value>) => {
  let promise: Promise<Value> | undefined;
  return () => (promise ??= work());
};
