/**
 * `/`: what runs here, whether it is healthy, and where to go. One page without a build, until the console takes its place.
 * It shows nothing that `/api/health` does not tell anyone: who is not signed in learns of no app.
 */
import { createHash } from "node:crypto";
import { addRoute, icon, mark, pagePolicy, type Router } from "@norns/kernel/http";
import { tokens } from "./page-style.ts";
import type { HealthAnswer } from "./health.ts";

const style = `${tokens}
main { max-width: 42rem; margin: 0 auto; padding: 12vh 1.5rem 4rem; }
header { display: flex; align-items: center; gap: .75rem; margin-bottom: 2.5rem; }
h1 { font-size: 1.75rem; font-weight: 600; letter-spacing: -.02em; margin: 0; }
header svg { width: 1.75rem; height: 1.75rem; color: var(--iris); }
.version { color: var(--quiet); margin-left: auto; font-family: var(--mono); font-size: .8125rem; }
.state { display: flex; align-items: center; gap: .6rem; font-size: 1rem; font-weight: 500; margin: 0 0 1.25rem; }
.ok { color: var(--ok); } .down { color: var(--failed); } .attention { color: var(--attention); }
dl { display: grid; grid-template-columns: 9rem 1fr; margin: 0 0 2.5rem; border-top: 1px solid var(--line); }
dt, dd { padding: .55rem 0; margin: 0; border-bottom: 1px solid var(--line); }
dt { color: var(--quiet); }
h2 { font-size: .8125rem; font-weight: 500; color: var(--quiet); margin: 0 0 .5rem; }
ul { list-style: none; margin: 0 0 2.5rem; padding: 0; }
li { border-top: 1px solid var(--line); }
li:last-child { border-bottom: 1px solid var(--line); }
li a, li div { display: flex; align-items: baseline; gap: 1rem; padding: .65rem 0; color: inherit; text-decoration: none; }
li b { font-weight: 500; min-width: 9rem; }
li span { color: var(--quiet); }
a:hover b { color: var(--iris); }
a:focus-visible { outline: 2px solid var(--iris); outline-offset: 3px; border-radius: 6px; }
pre { font-family: var(--mono); font-size: .8125rem; background: var(--raised); border: 1px solid var(--line); border-radius: 10px; padding: .9rem 1rem; margin: 0; overflow-x: auto; line-height: 1.7; }
pre i { font-style: normal; color: var(--quiet); }
@media (max-width: 34rem) { dl { grid-template-columns: 7rem 1fr; } li b { min-width: 7rem; } main { padding-top: 6vh; } }
`;

const policy = pagePolicy({ style: `'sha256-${createHash("sha256").update(style).digest("base64")}'` });

export interface HomePage {
  readonly health: () => Promise<HealthAnswer>;
  readonly isClaimed: () => Promise<boolean>;
  /** Where the page links to, in order. */
  readonly links: readonly { readonly href: string; readonly title: string; readonly about: string }[];
}

export function homePage(router: Router, page: HomePage): void {
  addRoute(
    router,
    {
      method: "get",
      path: "/",
      summary: "Page: what runs here, and where to go",
      tag: "Pages",
      access: { open: "it tells what the health answer tells" },
      answerType: "text/html",
      identifies: false,
    },
    async ({ context }) => {
      // A database that is away leaves the question open; the page then says what is down and nothing of claims.
      const [health, isClaimed] = await Promise.all([page.health(), page.isClaimed().catch(() => true)]);
      context.header("Content-Security-Policy", policy);
      return context.html(render(health, isClaimed, page.links));
    },
  );
}

function render(health: HealthAnswer, isClaimed: boolean, links: HomePage["links"]): string {
  const isOk = health.status === "ok";
  const down = Object.entries(health.services)
    .filter(([, state]) => state === "down")
    .map(([name]) => name);
  const state = isOk
    ? `<p class="state"><span class="ok" aria-hidden="true">●</span> Everything works</p>`
    : `<p class="state"><span class="down" aria-hidden="true">✕</span> ${escape(down.join(" and "))} ${down.length === 1 ? "is" : "are"} down</p>`;
  const claim = isClaimed
    ? ""
    : `<p class="state"><span class="attention" aria-hidden="true">▲</span> Nobody has claimed this installation yet: open the one-time link that the server printed when it started.</p>`;
  const rows = [
    ...Object.entries(health.services).map(
      ([name, value]) =>
        [name, `<span class="${value === "up" ? "ok" : "down"}" aria-hidden="true">${value === "up" ? "●" : "✕"}</span> ${value}`] as const,
    ),
    ...Object.entries(health.adapters).map(
      ([name, value]) => [name, escape(typeof value === "string" ? value : value.join(", "))] as const,
    ),
  ];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
${icon}
<title>Norns${isOk ? "" : " · degraded"}</title>
<style>${style}</style>
</head>
<body>
<main>
<header>
${mark}
<h1>Norns</h1><span class="version">${escape(health.version)}</span>
</header>
${state}${claim}
<dl>${rows.map(([name, value]) => `<dt>${escape(name)}</dt><dd>${value}</dd>`).join("")}</dl>
<h2>Where to go</h2>
<ul>${links.map(({ href, title, about }) => `<li><a href="${escape(href)}"><b>${escape(title)}</b><span>${escape(about)}</span></a></li>`).join("")}</ul>
<h2>First steps</h2>
<pre><i># in a clone of Norns, on this machine</i>
npx norns status
npx norns deploy examples/01-hello</pre>
</main>
</body>
</html>
`;
}

const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
const escape = (text: string): string => text.replace(/[&<>"']/g, (letter) => entities[letter]!);
