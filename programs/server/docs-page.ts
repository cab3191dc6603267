/**
 * `/api/docs`: the API reference, from openapi.json, with every file served from here: no other host is asked, no script
 * is inline. The document itself is at `/api/openapi.json`.
 */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { addRoute, describeApi, icon, pagePolicy, z, type Router } from "@norns/kernel/http";
import { notFound } from "@norns/kernel/errors";
import { tokens } from "./page-style.ts";
import { version } from "./version.ts";

const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
${icon}
<title>Norns API</title>
<link rel="stylesheet" href="/api/docs/swagger-ui.css">
<link rel="stylesheet" href="/api/docs/norns.css">
</head>
<body>
<div id="reference"></div>
<script src="/api/docs/swagger-ui-bundle.js"></script>
<script src="/api/docs/norns.js"></script>
</body>
</html>
`;

const script = `SwaggerUIBundle({
  url: "/api/openapi.json", dom_id: "#reference", deepLinking: true, defaultModelsExpandDepth: -1, docExpansion: "list",
  tryItOutEnabled: false, syntaxHighlight: { theme: "idea" }, validatorUrl: null, presets: [SwaggerUIBundle.presets.apis], layout: "BaseLayout",
});
`;

/** The reference in the product's own colours: its stock style is a light theme only. */
const style = `${tokens}
.swagger-ui, .swagger-ui .info .title, .swagger-ui .opblock-tag, .swagger-ui .opblock .opblock-summary-description, .swagger-ui .opblock-description-wrapper p, .swagger-ui table thead tr td, .swagger-ui table thead tr th,
.swagger-ui .parameter__name, .swagger-ui .parameter__type, .swagger-ui .response-col_status, .swagger-ui .response-col_description, .swagger-ui .opblock .opblock-section-header h4, .swagger-ui label, .swagger-ui .tab li, .swagger-ui .model, .swagger-ui .model-title, .swagger-ui .prop-type,
.swagger-ui section.models h4, .swagger-ui .info p, .swagger-ui .info li, .swagger-ui .renderedMarkdown p, .swagger-ui .opblock-summary-path, .swagger-ui .dialog-ux .modal-ux-header h3, .swagger-ui .dialog-ux .modal-ux-content p, .swagger-ui .dialog-ux .modal-ux-content h4 { color: var(--text); font-family: inherit; }
.swagger-ui .opblock .opblock-summary-path, .swagger-ui .opblock .opblock-summary-method, .swagger-ui code, .swagger-ui .markdown code, .swagger-ui .renderedMarkdown code { font-family: var(--mono); font-weight: 500; }
.swagger-ui .renderedMarkdown code { color: var(--text); background: var(--raised); }
.swagger-ui .wrapper { max-width: 62rem; } .swagger-ui .info { margin: 2.5rem 0 1.5rem; } .swagger-ui .info .title small { background: var(--raised); } .swagger-ui .info .title small pre { color: var(--quiet); }
.swagger-ui .scheme-container { background: none; box-shadow: none; padding: 0 0 1rem; }
.swagger-ui .opblock-tag { border-color: var(--line); font-size: 1.0625rem; }
.swagger-ui .opblock, .swagger-ui .opblock.opblock-get, .swagger-ui .opblock.opblock-post, .swagger-ui .opblock.opblock-put, .swagger-ui .opblock.opblock-patch, .swagger-ui .opblock.opblock-delete { background: none; border: 1px solid var(--line); border-radius: 10px; box-shadow: none; }
.swagger-ui .opblock .opblock-summary { border-color: var(--line); } .swagger-ui .opblock .opblock-section-header { background: var(--raised); box-shadow: none; }
.swagger-ui .opblock .opblock-summary .opblock-summary-method.opblock-summary-method { background: none; color: var(--quiet); text-shadow: none; min-width: 4.5rem; text-align: left; padding-left: .75rem; }
.swagger-ui .opblock.opblock-post .opblock-summary .opblock-summary-method.opblock-summary-method, .swagger-ui .opblock.opblock-put .opblock-summary .opblock-summary-method.opblock-summary-method, .swagger-ui .opblock.opblock-patch .opblock-summary .opblock-summary-method.opblock-summary-method { color: var(--iris); }
.swagger-ui .opblock.opblock-delete .opblock-summary .opblock-summary-method.opblock-summary-method { color: var(--failed); }
.swagger-ui .opblock .opblock-summary .opblock-summary-path.opblock-summary-path, .swagger-ui .opblock .opblock-summary .opblock-summary-path.opblock-summary-path a { color: var(--text); }
.swagger-ui .opblock.opblock .opblock-summary { border-color: var(--line); } .swagger-ui .opblock.opblock .tab-header .tab-item.active h4 span::after { background: var(--iris); } .swagger-ui .info a, .swagger-ui .info .link, .swagger-ui .info a:hover { color: var(--iris); }
.swagger-ui svg.arrow path, .swagger-ui .arrow, .swagger-ui .authorization__btn svg, .swagger-ui .authorization__btn svg path { fill: var(--quiet); }
.swagger-ui .info .title small.version-stamp { background: var(--raised); } .swagger-ui .opblock-control-arrow svg, .swagger-ui .expand-operation svg, .swagger-ui .unlocked svg, .swagger-ui .locked svg { fill: var(--quiet); } .swagger-ui .opblock-tag, .swagger-ui .opblock .opblock-summary-operation-id, .swagger-ui .servers > label { color: var(--text); }
.swagger-ui input, .swagger-ui select, .swagger-ui textarea, .swagger-ui input[type=text], .swagger-ui .dialog-ux .modal-ux { background: var(--ground); color: var(--text); border-color: var(--line); box-shadow: none; } .swagger-ui .dialog-ux .modal-ux-header { border-color: var(--line); }
.swagger-ui .btn { color: var(--text); border-color: var(--line); box-shadow: none; } .swagger-ui .btn.authorize { color: var(--iris); border-color: var(--iris); } .swagger-ui .btn.authorize svg, .swagger-ui svg.arrow, .swagger-ui .expand-operation svg, .swagger-ui .authorization__btn svg { fill: currentColor; } .swagger-ui .btn.execute { background: var(--iris); color: var(--ground); }
.swagger-ui .highlight-code, .swagger-ui .microlight, .swagger-ui .highlight-code > .microlight, .swagger-ui .copy-to-clipboard { background: var(--raised) !important; color: var(--text) !important; } .swagger-ui .model-box, .swagger-ui section.models { background: var(--raised); border-color: var(--line); } .swagger-ui .responses-inner h4, .swagger-ui .responses-inner h5 { color: var(--quiet); } .swagger-ui table tbody tr td { border-color: var(--line); color: var(--text); }
`;

/** swagger-ui writes style attributes, so its page alone may have inline styles. Scripts stay files of ours. */
const policy = pagePolicy().replace("style-src 'self'", "style-src 'self' 'unsafe-inline'");

// Maps, since the names looked up are a caller's: an object would answer for "constructor".
const own: ReadonlyMap<string, readonly [type: string, text: string]> = new Map([
  ["norns.css", ["text/css; charset=utf-8", style]],
  ["norns.js", ["text/javascript; charset=utf-8", script]],
]);
const packaged: ReadonlyMap<string, string> = new Map([
  ["swagger-ui.css", "text/css; charset=utf-8"],
  ["swagger-ui-bundle.js", "text/javascript; charset=utf-8"],
]);

const open = { open: "the reference holds no data; the API behind it asks for a credential" };

export function docsPage(router: Router): void {
  let text: string | undefined;
  addRoute(
    router,
    {
      method: "get",
      path: "/api/openapi.json",
      summary: "The API as an OpenAPI 3.1 document",
      tag: "Server",
      access: open,
      identifies: false,
    },
    ({ context }) => context.body((text ??= JSON.stringify(describeApi(router, version))), 200, { "Content-Type": "application/json" }),
  );
  addRoute(
    router,
    {
      method: "get",
      path: "/api/docs",
      summary: "Page: the API reference",
      tag: "Pages",
      access: open,
      answerType: "text/html",
      identifies: false,
    },
    ({ context }) => {
      context.header("Content-Security-Policy", policy);
      return context.html(page);
    },
  );
  addRoute(
    router,
    {
      method: "get",
      path: "/api/docs/{file}",
      summary: "A file of the API reference",
      tag: "Pages",
      access: open,
      answerType: "text/plain",
      params: z.object({ file: z.string() }),
      identifies: false,
    },
    async ({ params, context }) => {
      const mine = own.get(params.file);
      if (mine) return context.body(mine[1], 200, { "Content-Type": mine[0], "Cache-Control": "public, max-age=300" });
      const type = packaged.get(params.file);
      if (!type) throw notFound("not_found", "There is nothing at this address.");
      // Found when asked for: its 1.4 MB need not be in memory.
      const path = join(dirname(createRequire(import.meta.url).resolve("swagger-ui-dist/package.json")), params.file);
      const { size } = await stat(path);
      // The cast: Node's web stream and the platform's are the same thing under two names.
      return context.body(Readable.toWeb(createReadStream(path)) as ReadableStream, 200, {
        "Content-Type": type,
        "Content-Length": String(size),
        "Cache-Control": "public, max-age=86400",
      });
    },
  );
}
