/** A route as OpenAPI says it. */
import { createRoute, z } from "@hono/zod-openapi";
import { errorAnswer } from "./render-error.ts";
import type { RouteDefinition } from "./route.ts";

const errors: Readonly<Record<number, string>> = {
  400: "The request is not valid.",
  401: "Nobody is signed in, or the credential is not valid.",
  403: "The role or scope is missing.",
  404: "There is no such thing in this workspace.",
  409: "It contradicts what is there.",
  413: "The body is too large.",
  429: "Too many requests; `Retry-After` says when to come back.",
};

const errorResponse = (description: string) => ({ description, content: { "application/json": { schema: errorAnswer } } });

export function describeRoute<Params, Query, Body, Answer>(definition: RouteDefinition<Params, Query, Body, Answer>) {
  const { method, path, access, status = 200 } = definition;
  const possible = [
    ...(definition.params || definition.query || definition.body ? [400] : []),
    ...("open" in access ? [] : [401]),
    ...("action" in access ? [403] : []),
    ...(definition.params ? [404] : []),
    ...(method === "get" ? [] : [409, ...(definition.body || definition.bodyType ? [413] : [])]),
    429,
  ];
  return createRoute({
    method,
    path,
    operationId: operationIdOf(method, path),
    summary: definition.summary,
    description: [aliasOf(definition), definition.description, requirementOf(definition)].filter(Boolean).join("\n\n"),
    ...(definition.aliasOf ? { deprecated: true } : {}),
    tags: [definition.tag],
    ...("open" in access ? { security: [] } : {}),
    request: {
      // The casts: a route's parts are objects of strings, which the library wants to know as ZodObject.
      ...(definition.params ? { params: definition.params as never } : {}),
      ...(definition.query ? { query: definition.query as never } : {}),
      ...bodyOf(definition),
    },
    responses: {
      [status]: {
        description: definition.summary,
        ...answersOf(definition),
      },
      ...Object.fromEntries(possible.map((code) => [code, errorResponse(errors[code]!)])),
    },
  });
}

function bodyOf<Params, Query, Body, Answer>({ body, bodyType }: RouteDefinition<Params, Query, Body, Answer>) {
  if (body) return { body: { content: { "application/json": { schema: body } }, required: !mayBeEmpty(body) } };
  if (!bodyType) return {};
  const { type, description } = bodyType;
  return { body: { description, content: { [type]: { schema: z.string().openapi({ format: "binary" }) } }, required: true } };
}

/** An empty body is read as `{}`. */
const mayBeEmpty = (body: z.ZodType): boolean => body.safeParse({}).success;

const aliasOf = ({ method, aliasOf: path }: { method: string; aliasOf?: string }): string | undefined =>
  path && `The same as \`${method.toUpperCase()} ${path}\`, for clients that know this address.`;

function answersOf<Params, Query, Body, Answer>(definition: RouteDefinition<Params, Query, Body, Answer>) {
  const { answer, answerType, answerTypes = answerType ? [answerType] : [] } = definition;
  if (!answer && answerTypes.length === 0) return {};
  return {
    content: {
      ...(answer ? { "application/json": { schema: answer } } : {}),
      ...Object.fromEntries(answerTypes.map((type) => [type, { schema: z.string() }])),
    },
  };
}

/** `get /api/apps/{id}/logs` → `getAppsLogs…`: stable, unique, readable as a function's name. */
function operationIdOf(method: string, path: string): string {
  const words = path.split("/").filter((part) => part !== "" && part !== "api");
  const name = words
    .map((word) => word.replace(/^\{(\w+)\}$/, "By-$1"))
    .join("-")
    .split(/[^A-Za-z0-9]+/);
  return method + name.map((word) => word.slice(0, 1).toUpperCase() + word.slice(1)).join("");
}

/** One sentence on who may call: the reader of the reference need not try. */
function requirementOf({ access }: { access: RouteDefinition<unknown, unknown, unknown, unknown>["access"] }): string {
  if ("open" in access) return `Open to anyone: ${access.open}`;
  if ("person" in access) return "Needs a signed-in person.";
  const { action } = access;
  if (action.platformAdmin) return `Needs an administrator of the installation (\`${action.name}\`).`;
  return `Needs the role **${action.role}**${action.scope ? `, and of an API key the scope \`${action.scope}\`` : " and a session: API keys are refused"} (\`${action.name}\`).`;
}
