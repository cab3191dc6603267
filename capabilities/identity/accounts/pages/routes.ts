import { addRoute, pagePolicy, type Router } from "@norns/kernel/http";
import { openBecause } from "../policy.ts";
import { pages } from "./pages.ts";
import { script } from "./script.ts";
import { style } from "./style.ts";

/** The three pages that are needed before anybody is known. They hold no data: the script asks for it. */
export function pageRoutes(router: Router): void {
  for (const { path, title, html } of pages)
    addRoute(
      router,
      {
        method: "get",
        path,
        summary: `Page: ${title}`,
        tag: "Pages",
        access: { open: openBecause.page },
        answerType: "text/html",
        identifies: false,
      },
      () => answer(html, "text/html; charset=utf-8", { "content-security-policy": pagePolicy() }),
    );
  addRoute(
    router,
    {
      method: "get",
      path: "/identity/page.css",
      summary: "The pages' style",
      tag: "Pages",
      access: { open: openBecause.page },
      answerType: "text/plain",
      identifies: false,
    },
    () => answer(style, "text/css; charset=utf-8"),
  );
  addRoute(
    router,
    {
      method: "get",
      path: "/identity/page.js",
      summary: "The pages' script",
      tag: "Pages",
      access: { open: openBecause.page },
      answerType: "text/plain",
      identifies: false,
    },
    () => answer(script, "text/javascript; charset=utf-8"),
  );
}

const answer = (body: string, type: string, headers: Record<string, string> = {}): Response =>
  new Response(body, { headers: { "content-type": type, "cache-control": "no-cache", "x-content-type-options": "nosniff", ...headers } });
