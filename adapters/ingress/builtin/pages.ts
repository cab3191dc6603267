/** The small pages a visitor sees when an app cannot answer. No script, nothing from elsewhere, light and dark. */
import type { IncomingMessage, ServerResponse } from "node:http";

export interface Trouble {
  readonly status: 400 | 421 | 502 | 503 | 504;
  readonly title: string;
  readonly text: string;
  readonly retryAfterSeconds?: number;
}

const escape = (text: string): string => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

export function renderPage({ status, title, text, retryAfterSeconds }: Trouble): string {
  const refresh = retryAfterSeconds === undefined ? "" : `<meta http-equiv="refresh" content="${retryAfterSeconds}">`;
  const again = retryAfterSeconds === undefined ? "" : `<p class="quiet">This page tries again by itself.</p>`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">${refresh}
<title>${escape(title)}</title>
<style>
:root { color-scheme: light dark; --paper: #fbfaf8; --ink: #1d1c1a; --quiet: #6d6a64; --line: #e3e0da; --mark: #b4532a }
@media (prefers-color-scheme: dark) { :root { --paper: #161514; --ink: #ecebe8; --quiet: #99958d; --line: #302e2b; --mark: #e08a5f } }
* { box-sizing: border-box } body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 2rem; background: var(--paper); color: var(--ink); font: 1rem/1.6 ui-sans-serif, system-ui, sans-serif }
main { max-width: 30rem; width: 100%; border-top: 3px solid var(--mark); padding-top: 1.5rem } h1 { font-size: 1.4rem; line-height: 1.25; margin: 0 0 .75rem; font-weight: 650 }
p { margin: 0 0 .75rem; overflow-wrap: anywhere } .quiet { color: var(--quiet); font-size: .875rem } footer { border-top: 1px solid var(--line); margin-top: 1.5rem; padding-top: .75rem; color: var(--quiet); font-size: .8rem }
</style></head>
<body><main><h1>${escape(title)}</h1><p>${escape(text)}</p>${again}<footer>${status} &middot; Norns</footer></main></body></html>
`;
}

/** Answers with the page, or with one line for programs. Does nothing when the answer has already begun. */
export function sendTrouble(req: IncomingMessage, res: ServerResponse, trouble: Trouble): void {
  if (res.headersSent || res.destroyed) return;
  const wantsPage = (req.headers.accept ?? "").includes("text/html");
  const body = wantsPage ? renderPage(trouble) : `${trouble.title}: ${trouble.text}\n`;
  res.writeHead(trouble.status, {
    "Content-Type": wantsPage ? "text/html; charset=utf-8" : "text/plain; charset=utf-8",
    "Content-Length": Buffer.byteLength(body),
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    ...(trouble.retryAfterSeconds === undefined ? {} : { "Retry-After": String(trouble.retryAfterSeconds) }),
    // The rest of an unread body would be taken for the next request.
    ...(req.complete ? {} : { Connection: "close" }),
  });
  res.end(req.method === "HEAD" ? undefined : body);
}

/** The same for a socket that asked for an upgrade. */
export const rawTrouble = ({ status, title, text }: Trouble): string => {
  const body = `${title}: ${text}\n`;
  return `HTTP/1.1 ${status} ${title}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`;
};

export const badRequest: Trouble = {
  status: 400,
  title: "Bad request",
  text: "The request cannot be read in only one way, so it is not forwarded.",
};
export const unknownHost: Trouble = { status: 421, title: "No such app here", text: "No app of this server answers under this name." };
export const noTarget = (app: string, note: string | undefined): Trouble => ({
  status: 503,
  title: `${app} is not available`,
  text: note ?? "No healthy instance of it is running right now: it may be starting, being replaced, or stopped.",
  retryAfterSeconds: 5,
});
export const badGateway = (app: string): Trouble => ({
  status: 502,
  title: `${app} did not answer`,
  text: "The connection to the app broke before it had answered. Its log says more.",
});
export const gatewayTimeout = (app: string): Trouble => ({
  status: 504,
  title: `${app} took too long`,
  text: "The app accepted the request and has not begun to answer in time.",
});
