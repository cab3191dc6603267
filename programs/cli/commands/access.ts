import type { Command } from "../command.ts";
import { forgetLogin, keepLogin } from "../connection.ts";
import { exitCodes, CommandError, usageError } from "../exit.ts";
import { askLine, askSecret } from "../ask.ts";
import { table } from "../terminal.ts";
import { ago, plural } from "../words.ts";
import { sendJson } from "../http.ts";

export const login: Command = {
  words: ["login"],
  about: "sign in to a server and keep the session for later commands",
  description: [
    "Signs in and keeps the session in ~/.config/norns/cli.json (0600), for this server's address only.",
    "",
    "On the server's own machine this is not needed: commands use the credential in NORNS_HOME.",
    "Without a terminal nothing is asked: give --email and the password on standard input, or an API key with --token.",
  ].join("\n"),
  options: [{ name: "email", value: "EMAIL", about: "who signs in" }],
  examples: [
    { line: "norns login --url https://norns.example.com", about: "asks for email and password" },
    { line: "norns login --url https://norns.example.com --token nora_…", about: "keeps an API key" },
  ],
  async run(given, session) {
    const { url, token: existing } = session.connection();
    const given_token = given.option("token");
    let token = given_token;
    let who = "an API key";
    if (token === undefined) {
      const email = given.option("email") ?? (await askLine("email: "));
      const password = await askSecret("password: ");
      const answer = (await sendJson(
        { url, token: undefined, from: "login" },
        { method: "POST", path: "/api/auth/login", body: JSON.stringify({ email, password }) },
      )) as { token: string };
      token = answer.token;
      who = email;
    } else {
      await sendJson({ url, token: existing, from: "--token" }, { method: "GET", path: "/api/apps" });
    }
    const file = keepLogin(session.environment, { url, token });
    if (!session.json({ url, file })) session.terminal.line(`signed in at ${url} as ${who}`);
  },
};

export const logout: Command = {
  words: ["logout"],
  about: "end the kept session",
  async run(_given, session) {
    const existed = forgetLogin(session.environment);
    if (!session.json({ signedOut: existed })) session.terminal.line(existed ? "signed out" : "there was no kept session");
  },
};

export const workspaces: Command = {
  words: ["workspaces"],
  about: "the workspaces you belong to",
  async run(_given, session) {
    const list = await session.api("GET /api/workspaces", {});
    if (session.json(list)) return;
    for (const line of table(
      ["WORKSPACE", "NAME", "YOUR ROLE", "ID"],
      list.map((one) => [one.slug, one.name, one.role, one.id]),
    ))
      session.terminal.line(line);
  },
};

export const members: Command = {
  words: ["workspaces", "members"],
  about: "who belongs to a workspace",
  arguments: [{ name: "workspace", about: "slug or id; your own when left out", isOptional: true }],
  async run(given, session) {
    const workspaceId = await workspaceIdOf(session, given.arguments[0] ?? given.option("workspace"));
    const list = await session.api("GET /api/workspaces/{workspaceId}/members", { params: { workspaceId } });
    if (session.json(list)) return;
    const now = Date.now();
    for (const line of table(
      ["MEMBER", "NAME", "ROLE", "SINCE"],
      list.map((one) => [one.email, one.name, one.role, ago(one.created_at, now)]),
    ))
      session.terminal.line(line);
  },
};

export const invite: Command = {
  words: ["workspaces", "invite"],
  about: "invite a person; the link is shown once",
  arguments: [{ name: "email", about: "whom" }],
  options: [{ name: "role", value: "ROLE", about: "what they may do (viewer)", choices: ["viewer", "editor", "admin"] }],
  examples: [{ line: "norns workspaces invite ada@example.com --role editor", about: "a link good for seven days" }],
  async run(given, session) {
    const workspaceId = await workspaceIdOf(session, given.option("workspace"));
    const role = (given.option("role") ?? "viewer") as "viewer" | "editor" | "admin";
    const invitation = await session.api("POST /api/workspaces/{workspaceId}/invitations", {
      params: { workspaceId },
      body: { email: given.arguments[0]!, role },
    });
    if (!session.json(invitation)) session.terminal.line(`${invitation.link}\n${session.terminal.dim("shown once; good for seven days")}`);
  },
};

export const apiKeys: Command = {
  words: ["api-keys"],
  about: "the API keys of a workspace",
  async run(given, session) {
    const workspaceId = await workspaceIdOf(session, given.option("workspace"));
    const keys = await session.api("GET /api/workspaces/{workspaceId}/api-keys", { params: { workspaceId } });
    if (session.json(keys)) return;
    const { terminal } = session;
    if (keys.length === 0) return void terminal.line("No API keys yet. `norns api-keys create LABEL --scope apps:read` makes one.");
    const now = Date.now();
    const rows = keys.map((key) => [
      key.label,
      `${key.prefix}…`,
      key.scopes.join(" "),
      key.revoked_at ? "revoked" : key.expires_at && key.expires_at < now ? "expired" : "active",
      ago(key.last_used_at ?? undefined, now),
      key.id,
    ]);
    for (const line of table(["LABEL", "KEY", "SCOPES", "STATE", "USED", "ID"], rows)) terminal.line(line);
  },
};

export const createKey: Command = {
  words: ["api-keys", "create"],
  about: "make an API key; its value is shown once",
  arguments: [{ name: "label", about: "what it is for" }],
  options: [
    { name: "scope", short: "s", value: "SCOPES", about: "what it may do, joined by commas: apps:read, apps:write, …" },
    { name: "expires", value: "DAYS", about: "days until it ends; never when left out" },
  ],
  examples: [{ line: "norns api-keys create ci --scope apps:read,apps:write --expires 90", about: "for a build server" }],
  async run(given, session) {
    const scopes = given.option("scope")?.split(",").filter(Boolean);
    if (!scopes?.length) throw usageError("An API key needs at least one scope.", "norns api-keys create LABEL --scope apps:read");
    const workspaceId = await workspaceIdOf(session, given.option("workspace"));
    const days = given.number("expires");
    const key = await session.api("POST /api/workspaces/{workspaceId}/api-keys", {
      params: { workspaceId },
      body: {
        label: given.arguments[0]!,
        scopes: scopes as never,
        ...(days === undefined ? {} : { expiresAt: Date.now() + days * 86_400_000 }),
      },
    });
    if (session.json(key)) return;
    session.terminal.line(key.apiKey);
    session.terminal.note("shown once; keep it now");
  },
};

export const revokeKey: Command = {
  words: ["api-keys", "revoke"],
  about: "end an API key at once",
  arguments: [{ name: "id", about: "the key's id" }],
  async run(given, session) {
    const workspaceId = await workspaceIdOf(session, given.option("workspace"));
    await session.api("DELETE /api/workspaces/{workspaceId}/api-keys/{keyId}", { params: { workspaceId, keyId: given.arguments[0]! } });
    if (!session.json({ revoked: given.arguments[0] })) session.terminal.line("revoked");
  },
};

export const audit: Command = {
  words: ["audit"],
  about: "who did what to what",
  options: [
    { name: "action", value: "ACTION", about: "only this action: apps.deploy" },
    { name: "actor", value: "ID", about: "only this actor" },
    { name: "limit", short: "l", value: "N", about: "how many (30)" },
    { name: "verify", about: "check the chain instead" },
  ],
  exits: "with --verify: 0 the chain holds, 1 it is broken",
  async run(given, session) {
    const { terminal } = session;
    if (given.isSet("verify")) {
      const result = await session.api("GET /api/audit/verify", {});
      if (!session.json(result))
        terminal.line(
          result.ok
            ? `${terminal.paint("ok", "✓")} ${plural(result.checked, "row")} chained, ${result.unsealed} not yet; head ${result.head.hash.slice(0, 16)}`
            : `${terminal.paint("failed", "✕")} the chain is broken at row ${result.firstBroken?.seq ?? "?"}: ${result.firstBroken?.reason ?? "unknown"}`,
        );
      return result.ok ? exitCodes.done : exitCodes.failed;
    }
    const action = given.option("action");
    const actor = given.option("actor");
    const rows = await session.api("GET /api/audit", {
      query: { limit: given.number("limit") ?? 30, ...(action ? { action } : {}), ...(actor ? { actor } : {}) },
    });
    if (session.json(rows)) return;
    const now = Date.now();
    for (const line of table(
      ["WHEN", "WHO", "WHAT", "OF"],
      rows.map((row) => [ago(row.at, now), row.actor.label, row.action, row.subject]),
    ))
      terminal.line(line);
    return;
  },
};

/** A workspace by slug or id, among those that the caller belongs to; the first when none is named. */
async function workspaceIdOf(session: Parameters<Command["run"]>[1], named: string | undefined): Promise<string> {
  const list = await session.api("GET /api/workspaces", {});
  const found = named === undefined ? list[0] : list.find((one) => one.id === named || one.slug === named || one.name === named);
  if (found) return found.id;
  throw new CommandError(
    exitCodes.notFound,
    "workspace_not_found",
    named ? `You belong to no workspace "${named}".` : "You belong to no workspace.",
    { hint: "`norns workspaces` lists yours." },
  );
}
