/** docs/truth-table.md, from the table and from the routes themselves. */
import type { RouteEntry } from "@norns/kernel/http";
import { binds, credentials, modes, outcomeOf, type Mode, type Outcome } from "./table.ts";

const words: Readonly<Record<string, string>> = { "401": "401", "no start": "refused at start", "cannot be": "·" };
const cell = (outcome: Outcome): string => words[String(outcome)] ?? String(outcome);

export function renderTruthTable(routes: readonly RouteEntry[]): string {
  const open = routes.filter((route) => "open" in route.access);
  const person = routes.filter((route) => "person" in route.access);
  const guarded = routes.filter((route) => "action" in route.access);
  return `# Who may

Written by \`node scripts/run.mjs scripts/truth-table.ts\` from \`capabilities/identity/truth/table.ts\` and from the routes of the server; tests hold both.

## Who a caller is

The caller's role in workspace \`default\` on \`GET /api/workspaces\`, or the refusal. \`·\`: nobody can have it before the claim.

${binds.map((bind) => [true, false].map((isClaimed) => section(bind, isClaimed)).join("\n")).join("\n")}
Rules that the table shows: an explicit header counts before Cloudflare's, that before the cookie, that before open mode. A credential that is brought and is not good ends it: nothing weaker is tried (only Cloudflare's "somebody unknown" may still bring a session of their own).
\`NORN_API_TOKEN\` and open mode are refused whatever needs a person's session (members, keys, the workspace itself); \`NORNS_HOME/credential\` is not, since whoever reads it has the database and the keys anyway.
What a browser adds by itself (the cookie, Cloudflare's header, open mode's nothing) is good for a write or a socket only from a page of this server's own scheme, host and port.
Revoked means refused: at once in the process that revoked, within a second in every other, live sockets included; on Workers within the ten seconds an actor is kept there at most.

## Open routes (${open.length})

The list is closed: a route that is not on it needs a credential.

| route | why it is open |
|---|---|
${open.map((route) => `| \`${route.method} ${route.path}\` | ${"open" in route.access ? route.access.open : ""} |`).join("\n")}

## Routes for any person (${person.length})

A session, or Cloudflare Access; a key or token is answered 403 \`session_required\`.

${person.map((route) => `- \`${route.method} ${route.path}\``).join("\n")}

## Routes by action (${guarded.length})

| route | action | least role | scope of a key |
|---|---|---|---|
${guarded.map((route) => actionLine(route)).join("\n")}
`;
}

function section(bind: (typeof binds)[number], isClaimed: boolean): string {
  const head = `### Listening on ${bind === "loopback" ? "loopback" : "a public address"}, ${isClaimed ? "claimed" : "not yet claimed"}\n\n| brings | ${modes.join(" | ")} |\n|---|${modes.map(() => "---|").join("")}`;
  const rows = credentials.map(
    (credential) => `| ${credential} | ${modes.map((mode: Mode) => cell(outcomeOf(mode, isClaimed, bind, credential))).join(" | ")} |`,
  );
  return `${head}\n${rows.join("\n")}\n`;
}

function actionLine(route: RouteEntry): string {
  if (!("action" in route.access)) return "";
  const { name, role, scope, platformAdmin } = route.access.action;
  return `| \`${route.method} ${route.path}\` | ${name} | ${platformAdmin ? "administrator of the installation" : role} | ${scope ? `\`${scope}\`` : "none: a session is needed"} |`;
}
