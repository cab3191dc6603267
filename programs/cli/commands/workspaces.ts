import type { Command } from "../command.ts";
import { exitCodes, CommandError } from "../exit.ts";
import type { Session } from "../session.ts";
import { table } from "../terminal.ts";
import { ago } from "../words.ts";

export const workspaces: Command = {
  group: "People and access",
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
  group: "People and access",
  words: ["workspaces", "members"],
  about: "who belongs to a workspace",
  arguments: [{ name: "workspace", about: "slug or id; your own when left out", isOptional: true }],
  async run(given, session) {
    const workspaceId = await session.workspace(given.arguments[0]);
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

export const setRole: Command = {
  group: "People and access",
  words: ["workspaces", "members", "role"],
  about: "change what a member may do",
  arguments: [
    { name: "member", about: "email or id" },
    { name: "role", about: "viewer, editor, admin or owner" },
  ],
  examples: [{ line: "norns workspaces members role ada@example.com admin", about: "in your own workspace, or that of -w" }],
  async run(given, session) {
    const [who, role] = given.arguments as [string, string];
    const workspaceId = await session.workspace();
    const { userId } = await findMember(session, workspaceId, who);
    const member = await session.api("PATCH /api/workspaces/{workspaceId}/members/{userId}", {
      params: { workspaceId, userId },
      // What is a role, the server says.
      body: { role: role as "viewer" },
    });
    if (!session.json(member)) session.terminal.line(`${member.email} is ${member.role} now`);
  },
};

export const removeMember: Command = {
  group: "People and access",
  words: ["workspaces", "members", "remove"],
  about: "take a member out of a workspace",
  arguments: [{ name: "member", about: "email or id" }],
  async run(given, session) {
    const workspaceId = await session.workspace();
    const { userId, email } = await findMember(session, workspaceId, given.arguments[0]!);
    await session.api("DELETE /api/workspaces/{workspaceId}/members/{userId}", { params: { workspaceId, userId } });
    if (!session.json({ removed: userId })) session.terminal.line(`${email} is no member any more`);
  },
};

async function findMember(session: Session, workspaceId: string, who: string) {
  const list = await session.api("GET /api/workspaces/{workspaceId}/members", { params: { workspaceId } });
  const found = list.find((one) => one.userId === who || one.email.toLowerCase() === who.toLowerCase());
  if (found) return found;
  throw new CommandError(exitCodes.notFound, "no_member", `"${who}" is no member of the workspace.`, {
    hint: "`norns workspaces members` lists them.",
  });
}

export const invite: Command = {
  group: "People and access",
  words: ["workspaces", "invite"],
  about: "invite a person; the link is shown once",
  arguments: [{ name: "email", about: "whom" }],
  options: [{ name: "role", value: "ROLE", about: "what they may do (viewer)", choices: ["viewer", "editor", "admin"] }],
  examples: [{ line: "norns workspaces invite ada@example.com --role editor", about: "a link good for seven days" }],
  async run(given, session) {
    const workspaceId = await session.workspace();
    const role = (given.option("role") ?? "viewer") as "viewer" | "editor" | "admin";
    const invitation = await session.api("POST /api/workspaces/{workspaceId}/invitations", {
      params: { workspaceId },
      body: { email: given.arguments[0]!, role },
    });
    if (!session.json(invitation)) session.terminal.line(`${invitation.link}\n${session.terminal.dim("shown once; good for seven days")}`);
  },
};
