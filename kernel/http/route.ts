/**
 * How a room adds an endpoint: one `addRoute` statement. It parses, authorises, documents and lists the route in one
 * place, so that openapi.json, the truth table and the test that calls every route cannot drift from the code.
 *
 * Order of a request: actor is resolved (middleware) → `access` is checked → params, query and body are parsed → handler.
 * A refused caller therefore learns nothing about what a body should look like.
 */
import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { authorise, type Action, type Actor } from "../actor/index.ts";
import { invalid, unauthenticated, type ErrorDetails } from "../errors/index.ts";
import type { WorkspaceId } from "../ids/index.ts";
import type { Log } from "../log/index.ts";

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

export type HttpEnv = { Variables: { scope: RequestScope } };
export type Router = OpenAPIHono<HttpEnv>;

/**
 * Who may call: an action of the room's policy, any signed-in person, or anyone. `open` says why in one sentence: the
 * list of open routes is closed (docs/truth-table.md) and a test holds it.
 */
export type Access = { readonly action: Action } | { readonly person: true } | { readonly open: string };

export interface RouteDefinition<Params, Query, Body, Answer> {
  readonly method: "get" | "post" | "put" | "patch" | "delete";
  /** OpenAPI form: `/api/apps/{id}/deploy`. */
  readonly path: string;
  readonly summary: string;
  readonly description?: string;
  /** The group in the API reference: `Apps`, `Operations`, `Workspaces`. */
  readonly tag: string;
  readonly access: Access;
  /** The resource's workspace where the path names one; else the request's workspace is used. */
  readonly workspace?: (params: Record<string, string>) => WorkspaceId;
  readonly params?: z.ZodType<Params>;
  readonly query?: z.ZodType<Query>;
  /** A body of JSON. An empty body is parsed as `{}`. */
  readonly body?: z.ZodType<Body>;
  /** Defaults to 200. */
  readonly status?: 200 | 201 | 202 | 204;
  /** The JSON answer; leave it out for `204`, or set `answerType` for anything but JSON. */
  readonly answer?: z.ZodType<Answer>;
  readonly answerType?: "text/event-stream" | "text/plain" | "text/html" | "application/octet-stream";
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
  const router: Router = new OpenAPIHono<HttpEnv>({
    defaultHook: (result) => {
      if (!result.success) throw invalidRequest(result.error);
    },
  });
  entries.set(router, []);
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

  const route = createRoute({
    method,
    path,
    summary: definition.summary,
    ...(definition.description ? { description: definition.description } : {}),
    tags: [definition.tag],
    ...("open" in access ? { security: [] } : {}),
    middleware: [
      async (context: Context<HttpEnv>, next: () => Promise<void>) => {
        const { actor } = context.var.scope;
        if ("action" in access) authorise(actor, access.action, { workspace: resourceWorkspace(context) });
        if ("person" in access && actor?.kind !== "user")
          throw unauthenticated("session_required", "Sign in as a person to do this.");
        await next();
      },
    ],
    request: {
      ...(definition.params ? { params: definition.params as never } : {}),
      ...(definition.query ? { query: definition.query as never } : {}),
      ...(definition.body
        ? { body: { content: { "application/json": { schema: definition.body } }, required: false } }
        : {}),
    },
    responses: {
      [status]: {
        description: definition.summary,
        ...(definition.answer
          ? { content: { "application/json": { schema: definition.answer } } }
          : definition.answerType
            ? { content: { [definition.answerType]: { schema: z.string() } } }
            : {}),
      },
    },
  });

  router.openapi(route as never, (async (context: Context<HttpEnv>) => {
    const valid = (part: "param" | "query"): unknown => context.req.valid(part as never);
    const answer = await handler({
      actor: context.var.scope.actor as Actor,
      workspace: resourceWorkspace(context),
      params: (definition.params ? valid("param") : {}) as Params,
      query: (definition.query ? valid("query") : {}) as Query,
      body: (definition.body ? await readBody(context, definition.body) : {}) as Body,
      scope: context.var.scope,
      context,
    });
    if (answer instanceof Response) return answer;
    if (status === 204) return context.body(null, 204);
    return context.json(answer as never, status);
  }) as never);
}

/** An absent body means "all defaults", as the seed's clients send it; anything else must be JSON. */
async function readBody<Body>(context: Context<HttpEnv>, schema: z.ZodType<Body>): Promise<Body> {
  const text = await context.req.text();
  let value: unknown = {};
  if (text !== "") {
    try {
      value = JSON.parse(text);
    } catch (cause) {
      throw invalid("invalid_json", "The body is not JSON.", { cause });
    }
  }
  const result = schema.safeParse(value);
  if (!result.success) throw invalidRequest(result.error);
  return result.data;
}

/** What a failed parse becomes: 400 with the paths and what was wrong, never the values. */
export function invalidRequest(error: { issues: readonly { path: readonly PropertyKey[]; message: string }[] }) {
  const fields = error.issues.map((issue) => ({ field: issue.path.map(String).join("."), message: issue.message }));
  const details: ErrorDetails = { fields };
  const first = fields[0];
  return invalid("invalid_request", first ? `${first.field || "body"}: ${first.message}` : "The request is not valid.", {
    details,
  });
}
