/** The whole API as one OpenAPI 3.1 document: what openapi.json holds, `/api/docs` shows and the client is made from. */
import type { Router } from "./route.ts";

/** Routes of this tag are for browsers: served and authorised like all, and no part of the API. */
const pages = "Pages";

/** What holds everywhere, said once. */
const rules = `One self-hosted control plane for apps, AI agents and customer platforms.

**Who calls.** Send a credential as \`Authorization: Bearer …\`: an API key, the machine's own credential, or a session token. \`X-Norns-Workspace\` names a workspace by id or slug; without it the caller's own is meant.

**Work that takes time** answers \`202\` with \`{sagaId, operationId, status}\`; both ids are the same. Follow it at \`/api/operations/{id}\`, live at \`/api/events?operation=…\` or at \`/ws\`.

**Lists** are bare arrays. \`limit\` says how many rows; where there are more, the header \`Link: <…>; rel="next"\` has the address of the next page. A cursor is opaque.

**Times** are integer milliseconds since the epoch, except in the answers that keep a predecessor's shape (apps, deployments, sagas, stats): there they are ISO 8601 text in UTC, \`format: date-time\`.

**Names** of fields are camelCase, except where clients of the agents system read them (people, sessions, workspaces, members, invitations, API keys): there they are snake_case.

**Errors** have one shape: \`{error, code, requestId, details?}\`, with \`code\` to branch on and \`error\` for a person. 400 the request is wrong, 401 nobody is known, 403 a role or scope is missing, 404 there is no such thing in a workspace of yours, 409 it contradicts what is there, 429 too many requests (\`Retry-After\`), 503 something that is needed is away: try again.

**Deprecated** addresses are second names of others, kept for clients that know them.`;

export function describeApi(router: Router, version: string): Record<string, unknown> {
  const document = router.getOpenAPI31Document({
    openapi: "3.1.0",
    info: {
      title: "Norns",
      version,
      description: rules,
      license: { name: "Apache-2.0", url: "https://www.apache.org/licenses/LICENSE-2.0" },
    },
    servers: [{ url: "/" }],
    security: [{ bearer: [] }, { cookie: [] }],
    tags: [...new Set(router.openAPIRegistry.definitions.flatMap((one) => (one.type === "route" ? (one.route.tags ?? []) : [])))].map(
      (name) => ({ name }),
    ),
  });
  const { components = {}, paths = {}, tags = [], ...rest } = document;
  return {
    ...rest,
    tags: tags.filter((tag) => tag.name !== pages),
    paths: Object.fromEntries(Object.entries(paths).filter(([, path]) => !path.get?.tags?.includes(pages))),
    components: {
      ...components,
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer", description: "An API key (`nora_…`), the machine's own credential, or a session token." },
        cookie: {
          type: "apiKey",
          in: "cookie",
          name: "__Host-norns",
          description: "A browser's session; writes need the control plane's own Origin.",
        },
      },
    },
  };
}
