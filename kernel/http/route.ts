/**
 * How a room adds an endpoint: one `addRoute` statement. It parses, authorises, documents and lists the route in one
 * place, so that openapi.json, the truth table and the test that calls every route cannot drift from the code.
 *
 * Order of a request: actor is resolved (middleware) → `access` is checked → params, query and body are parsed → handler.
 * A refused caller therefore learns nothing about what a body should look like.
 */
import { OpenAPIHono, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { authorise, type Action, type Actor } from "../actor/index.ts";
import { withinTime } from "../clock/index.ts";
import { forbidden, invalid, notFound, unauthenticated, unavailable, type ErrorDetails } from "../errors/index.ts";
import type { WorkspaceId } from "../ids/index.ts";
import type { Log } from "../log/index.ts";
import { boundBody, defaultBodyLimitBytes, readData } from "./body.ts";
import { describeRoute } from "./describe-route.ts";
import type { RateLimiter, RateRule } from "./rate-limit/index.ts";
import { limitKeyOf } from "./peer.ts";
import { renderError } from "./render-error.ts";
import { recordFromPairs } from "./safe-input.ts";
import type { LiveStreams } from "./streams.ts";

/** Filled by the server's first middlewares; every handler finds it. */
export interface RequestScope {
  readonly requestId: string;
  readonly actor: Actor | null;
  /** Named by the header `X-Norns-Workspace` (id or slug), else the actor's home workspace. */
  readonly workspace: WorkspaceId;
  readonly log: Log;
  /** The peer's address; never from a forwarding header unless the peer is a trusted proxy. */
  readonly remoteAddress: string;
}

/**
 * What travels with a request. `scope` is all that a handler needs; the others are filled by the request pipeline
 * (pipeline.ts) and absent in a room's own tests, which set `scope` themselves.
 */
export interface HttpVariables {
  scope: RequestScope;
  /** Finds out who calls: once, and only for routes that want to know. */
  identify?: () => Promise<RequestScope>;
  streams?: LiveStreams;
  limiter?: RateLimiter;
}

export type HttpEnv = { Variables: HttpVariables };
export type Router = OpenAPIHono<HttpEnv>;

/**
 * Who may call: an action of the room's policy, any signed-in person, or anyone. `open` says why in one sentence: the
 * list of open routes is closed (docs/truth-table.md) and a test holds it.
 */
export type Access = { readonly action: Action } | { readonly person: true } | { readonly open: string };

type AnswerType = "text/event-stream" | "text/plain" | "text/csv" | "text/html" | "application/octet-stream";

export interface RouteDefinition<Params, Query, Body, Answer> {
  readonly method: "get" | "post" | "put" | "patch" | "delete";
  /** OpenAPI form: `/api/apps/{id}/deploy`. */
  readonly path: string;
  readonly summary: string;
  readonly description?: string;
  /** The path that says the same and is the one to use; this one is shown as deprecated. */
  readonly aliasOf?: string;
  /** The group in the API reference: `Apps`, `Operations`, `Workspaces`. */
  readonly tag: string;
  readonly access: Access;
  /** The resource's workspace where the path names one; else the request's workspace is used. */
  readonly workspace?: (params: Record<string, string>) => WorkspaceId;
  readonly params?: z.ZodType<Params>;
  readonly query?: z.ZodType<Query>;
  /** A body of JSON. An empty body is parsed as `{}`. */
  readonly body?: z.ZodType<Body>;
  /** Instead of `body`: bytes that the handler reads itself, and what they are. */
  readonly bodyType?: { readonly type: `${string}/${string}`; readonly description: string };
  /** Defaults to 200. */
  readonly status?: 200 | 201 | 202 | 204;
  /** The JSON answer; leave it out for `204`, or set `answerType` for anything but JSON. */
  readonly answer?: z.ZodType<Answer>;
  readonly answerType?: AnswerType;
  /** Instead of `answerType`: several, chosen by the request. With `answer` they come besides the JSON. */
  readonly answerTypes?: readonly AnswerType[];
  /** The largest body accepted; 1 MB unless said otherwise. Holds for handlers that read the body themselves too. */
  readonly bodyLimitBytes?: number;
  /** How long the handler may take until it answers (a stream: until it begins). 30 s unless said otherwise. */
  readonly timeoutMs?: number;
  /** A limit of its own, counted by remote address (before anyone is known) or by actor. */
  readonly rateLimit?: RateRule & { readonly by: "address" | "actor" };
  /** False on open routes that must answer even when nobody can be identified, because the database is away. */
  readonly identifies?: false;
}

export interface RouteRequest<Params, Query, Body> {
  /** Null only on open routes. On the others `actor` has been authorised. */
  readonly actor: Actor;
  readonly workspace: WorkspaceId;
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  readonly scope: RequestScope;
  /** For streams and headers. */
  readonly context: Context<HttpEnv>;
}

export interface RouteEntry {
  readonly method: string;
  readonly path: string;
  readonly access: Access;
  readonly summary: string;
}

const entries = new WeakMap<Router, RouteEntry[]>();

/** All routes added to this router, in order: what the truth table and the generated test walk. */
export const listRoutes = (router: Router): readonly RouteEntry[] => entries.get(router) ?? [];

export function newRouter(): Router {
  const router: Router = new OpenAPIHono<HttpEnv>();
  entries.set(router, []);
  router.onError((thrown, context) => answerError(thrown, context));
  router.notFound((context) => {
    const others = listRoutes(router).filter((entry) => matches(entry.path, context.req.path) && entry.method !== context.req.method);
    if (others.length === 0) return answerError(notFound("not_found", "There is nothing at this address."), context);
    context.header("Allow", others.map((entry) => entry.method).join(", "));
    return answerError(
      invalid("method_not_allowed", `This address knows ${others.map((entry) => entry.method).join(", ")}, not ${context.req.method}.`),
      context,
    );
  });
  return router;
}

export function addRoute<Params = unknown, Query = unknown, Body = unknown, Answer = never>(
  router: Router,
  definition: RouteDefinition<Params, Query, Body, Answer>,
  handler: (request: RouteRequest<Params, Query, Body>) => Promise<Answer | Response> | Answer | Response,
): void {
  const { method, path, access, status = 200 } = definition;
  entries.get(router)!.push({ method: method.toUpperCase(), path, access, summary: definition.summary });

  const resourceWorkspace = (context: Context<HttpEnv>): WorkspaceId =>
    definition.workspace?.(context.req.param() as Record<string, string>) ?? context.var.scope.workspace;

  router.openAPIRegistry.registerPath(describeRoute(definition));

  const { bodyLimitBytes = defaultBodyLimitBytes, timeoutMs = 30_000 } = definition;
  // Registered by hand rather than with `router.openapi`, whose validators would parse the body a second time.
  router.on(method.toUpperCase(), path.replace(/\{(\w+)\}/g, ":$1"), async (context) => {
    if (definition.rateLimit?.by === "address") await limit(context, definition.rateLimit, limitKeyOf(context.var.scope.remoteAddress));
    if (definition.identifies !== false && context.var.identify) context.set("scope", await context.var.identify());
    const { scope } = context.var;
    if ("action" in access) authorise(scope.actor, access.action, { workspace: resourceWorkspace(context) });
    if ("person" in access) requirePerson(scope.actor);
    if (definition.rateLimit?.by === "actor") await limit(context, definition.rateLimit, scope.actor?.id ?? scope.remoteAddress);

    boundBody(context, bodyLimitBytes);
    const answer = await withinTime(answerTo(context, scope), timeoutMs, tooLate(timeoutMs));
    if (answer instanceof Response) return answer;
    if (status === 204) return context.body(null, 204);
    return context.json(answer as never, status);
  });

  /** Reading the body counts into the time: a sender who never ends is not waited for. */
  async function answerTo(context: Context<HttpEnv>, scope: RequestScope): Promise<Answer | Response> {
    return await handler({
      // The cast: `RouteRequest` says that only open routes see null.
      actor: scope.actor as Actor,
      workspace: resourceWorkspace(context),
      params: parsePart(definition.params, () => context.req.param()),
      query: parsePart(definition.query, () => queryOf(context)),
      body: definition.body ? parsePart(definition.body, await readData(context)) : ({} as Body),
      scope,
      context,
    });
  }
}

/** Nobody: 401. Somebody who is no person (a key, a token, open mode): 403, since signing in again would not help them. */
function requirePerson(actor: Actor | null): void {
  if (!actor) throw unauthenticated("unauthenticated", "Sign in as a person to do this.");
  if (actor.kind !== "user") throw forbidden("session_required", "A key or token cannot do this: sign in as a person.");
}

/** Where most requests have no query string at all, nothing is made of it. */
function queryOf(context: Context<HttpEnv>): Record<string, string | string[]> {
  const { url } = context.req;
  const at = url.indexOf("?");
  return at === -1 ? {} : recordFromPairs(new URLSearchParams(url.slice(at + 1)));
}

function parsePart<Value>(schema: z.ZodType<Value> | undefined, given: unknown): Value {
  if (!schema) return {} as Value;
  const result = schema.safeParse(typeof given === "function" ? given() : given);
  if (!result.success) throw invalidRequest(result.error);
  return result.data;
}

async function limit(context: Context<HttpEnv>, rule: RateRule, key: string): Promise<void> {
  await context.var.limiter?.take(rule, key);
}

/** The handler goes on, unheard: a verb's write commits or does not, and the caller asks again. */
const tooLate = (timeoutMs: number) => () =>
  unavailable("request_timed_out", `No answer within ${timeoutMs / 1000} s. It may still be done: look before asking again.`);

/** What a failed parse becomes: 400 with the paths and what was wrong, never the values. */
export function invalidRequest(error: { issues: readonly { path: readonly PropertyKey[]; message: string }[] }) {
  const fields = error.issues.map((issue) => ({ field: issue.path.map(String).join("."), message: issue.message }));
  const details: ErrorDetails = { fields };
  const first = fields[0];
  return invalid("invalid_request", first ? `${first.field || "body"}: ${first.message}` : "The request is not valid.", {
    details,
  });
}

/** Renders an error with the headers that the pipeline has already prepared. */
export function answerError(thrown: unknown, context: Context<HttpEnv>): Response {
  const { status, headers, body } = renderError(thrown, { path: context.req.path, requestId: context.var.scope?.requestId ?? "" });
  return context.json(body as never, status as never, headers);
}

const matches = (pattern: string, path: string): boolean => {
  const wanted = pattern.split("/");
  const given = path.split("/");
  return wanted.length === given.length && wanted.every((part, index) => part.startsWith("{") || part === given[index]);
};
