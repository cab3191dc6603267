/** The whole API as one OpenAPI 3.1 document: what openapi.json holds, `/api/docs` shows and the client is made from. */
import type { Router } from "./route.ts";

/** Routes of this tag are for browsers: served and authorised like all, and no part of the API. */
const pages = "Pages";

export function describeApi(router: Router, version: string): Record<string, unknown> {
  const document = router.getOpenAPI31Document({
    openapi: "3.1.0",
    info: {
      title: "Norns",
      version,
      description:
        "One self-hosted control plane for apps, AI agents and customer platforms. Send a credential as `Authorization: Bearer …` " +
        "(an API key, the machine's own credential, or a session token). Work that takes time answers `202` with an operation's id; follow it at `/api/operations/{id}` or live at `/api/events`.",
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
