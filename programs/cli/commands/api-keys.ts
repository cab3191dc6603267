import type { Command } from "../command.ts";
import { usageError } from "../exit.ts";
import { table } from "../terminal.ts";
import { ago } from "../words.ts";

export const apiKeys: Command = {
  group: "People and access",
  words: ["api-keys"],
  about: "the API keys of a workspace",
  async run(given, session) {
    const workspaceId = await session.workspace();
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
  group: "People and access",
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
    const workspaceId = await session.workspace();
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
  group: "People and access",
  words: ["api-keys", "revoke"],
  about: "end an API key at once",
  arguments: [{ name: "id", about: "the key's id" }],
  async run(given, session) {
    const workspaceId = await session.workspace();
    await session.api("DELETE /api/workspaces/{workspaceId}/api-keys/{keyId}", { params: { workspaceId, keyId: given.arguments[0]! } });
    if (!session.json({ revoked: given.arguments[0] })) session.terminal.line("revoked");
  },
};
