import { roleIn, type Actor, type Role } from "@norns/kernel/actor";
import { Write, requireOneHere } from "@norns/kernel/database";
import { conflict, forbidden, NornsError, notFound } from "@norns/kernel/errors";
import { subject } from "@norns/kernel/events";
import type { UserId, WorkspaceId } from "@norns/kernel/ids";
import type { MemberAnswer } from "./contract.ts";
import type { Room } from "./deps.ts";
import { workspaceEvent } from "./events.ts";
import { losesOwner, refuseChange } from "./rules.ts";

export async function listMembers(room: Room, workspace: WorkspaceId): Promise<MemberAnswer[]> {
  const rows = await room.rows.members(workspace);
  const people = await room.people.findPeople(rows.map((row) => row.user_id as UserId));
  return rows.map((row) => {
    const person = people.get(row.user_id as UserId);
    return {
      userId: row.user_id,
      email: person?.email ?? "",
      name: person?.name ?? "",
      role: row.role as Role,
      created_at: row.created_at,
    };
  });
}

export async function changeRole(
  room: Room,
  actor: Actor,
  workspace: WorkspaceId,
  user: UserId,
  role: Role,
  requestId?: string,
): Promise<MemberAnswer> {
  const { member, from, person } = await getMember(room, workspace, user);
  refuse(roleIn(actor, workspace)!, from, role);
  if (from !== role) {
    const write = new Write();
    keepAnOwner(room, write, workspace, from, role, () => {
      write.add(room.rows.setRole(workspace, user, from, role));
      requireOneHere(write, room.store, room.rows.memberRow(workspace, user, role));
    });
    room.membershipChanged(write, { workspace, user, role });
    room.audit.record(write, {
      workspace,
      actor,
      action: "workspaces.changeRole",
      subject: subject("user", user),
      before: { role: from },
      after: { role },
      requestId,
    });
    room.events.append(
      write,
      workspaceEvent(workspace, actor, "workspace.member_changed", `${person.email} is now ${role} (was ${from}).`, { user, role }),
    );
    room.revocations.revoke(write, [`user:${user}`]);
    await commitMembership(room, write);
  }
  return { userId: user, email: person.email, name: person.name, role, created_at: member.created_at };
}

/** Removes a member, and with the membership the keys that the member made here. */
export async function removeMember(room: Room, actor: Actor, workspace: WorkspaceId, user: UserId, requestId?: string): Promise<void> {
  const { from, person } = await getMember(room, workspace, user);
  refuse(roleIn(actor, workspace)!, from, null);
  const write = new Write();
  keepAnOwner(room, write, workspace, from, null, () => {
    // Who was changed meanwhile is not removed on the strength of the old role.
    holdMembership(room, write, workspace, user, from);
    write.add(room.rows.removeMember(workspace, user, from));
  });
  room.membershipChanged(write, { workspace, user, role: null });
  room.audit.record(write, {
    workspace,
    actor,
    action: "workspaces.removeMember",
    subject: subject("user", user),
    before: { role: from, email: person.email },
    requestId,
  });
  room.events.append(
    write,
    workspaceEvent(workspace, actor, "workspace.member_removed", `${person.email} is no longer a member.`, { user }),
  );
  room.revocations.revoke(write, [`user:${user}`]);
  await commitMembership(room, write);
}

/** Setting the role to itself locks the row. */
export function holdMembership(room: Room, write: Write, workspace: WorkspaceId, user: UserId, role: Role): void {
  write.add(room.rows.setRole(workspace, user, role, role));
  requireOneHere(write, room.store, room.rows.memberRow(workspace, user, role));
}

async function getMember(room: Room, workspace: WorkspaceId, user: UserId) {
  const member = await room.rows.member(workspace, user);
  if (!member) throw notFound("member_not_found", "There is no such member in this workspace.");
  const person = (await room.people.findPeople([user])).get(user) ?? { email: user, name: "" };
  return { member, from: member.role as Role, person };
}

function refuse(by: Role, from: Role, to: Role | null): void {
  const reason = refuseChange(by, from, to);
  if (reason === "above_own_role")
    throw forbidden("above_own_role", `You are ${by}: you cannot make somebody ${to}.`, { details: { role: by, wanted: to } });
  if (reason === "member_above_own_role")
    throw forbidden(
      "member_above_own_role",
      `You are ${by}: you cannot change or remove ${from === "owner" ? "an owner" : `a member who is ${from}`}.`,
      { details: { role: by, member: from } },
    );
}

/** The workspace's row is locked first, so that two owners who remove each other at once take turns and one fails. */
function keepAnOwner(room: Room, write: Write, workspace: WorkspaceId, from: Role, to: Role | null, change: () => void): void {
  if (!losesOwner(from, to)) return change();
  write.add(room.rows.lock(workspace, room.clock.now()));
  change();
  requireOneHere(write, room.store, room.rows.hasOwner(workspace));
}

async function commitMembership(room: Room, write: Write): Promise<void> {
  try {
    await write.commit(room.store);
  } catch (error) {
    if (error instanceof NornsError && error.code === "guard_failed")
      throw conflict(
        "last_owner",
        "A workspace keeps at least one owner, and nothing was changed. Make somebody else owner first, or look again if the member was just changed by another.",
        { cause: error },
      );
    throw error;
  }
}
