import { roleIn, type Actor, type Role } from "@norns/kernel/actor";
import { Write, requireOneHere } from "@norns/kernel/database";
import { conflict, forbidden, NornsError, notFound } from "@norns/kernel/errors";
import { subject } from "@norns/kernel/events";
import { newId, type InvitationId, type UserId, type WorkspaceId } from "@norns/kernel/ids";
import type { InvitationAnswer, PendingInvitation } from "./contract.ts";
import type { Room } from "./deps.ts";
import { workspaceEvent } from "./events.ts";
import { invitationHmac, newInvitationToken } from "./invitation-token.ts";
import { invitationLifeMs, refuseChange, stateOfInvitation } from "./rules.ts";
import type { WorkspaceTables } from "./tables.ts";

type Row = WorkspaceTables["workspace_invitations"];

/** A new invitation to an address ends the pending one to it. The link is in this answer and nowhere else. */
export async function invite(
  room: Room,
  actor: Actor,
  workspace: WorkspaceId,
  { email, role }: { email: string; role: Role },
  requestId?: string,
): Promise<InvitationAnswer & { token: string; link: string }> {
  const own = roleIn(actor, workspace)!;
  if (refuseChange(own, role, role))
    throw forbidden("above_own_role", `You are ${own}: you cannot invite somebody as ${role}.`, { details: { role: own, wanted: role } });
  const now = room.clock.now();
  const token = newInvitationToken();
  const row: Row = {
    id: newId("InvitationId", room.ids),
    workspace,
    email,
    role,
    token_hmac: invitationHmac(token, room.invitationSecret),
    invited_by: actor.id,
    invited_by_label: actor.label,
    created_at: now,
    expires_at: now + invitationLifeMs,
    accepted_at: null,
    accepted_by: null,
    revoked_at: null,
  };
  const write = new Write();
  write.add(room.rows.revokePending(workspace, email, now));
  write.add(room.rows.insertInvitation(row));
  room.audit.record(write, {
    workspace,
    actor,
    action: "workspaces.invite",
    subject: subject("invitation", row.id),
    after: { email, role },
    requestId,
  });
  room.events.append(write, workspaceEvent(workspace, actor, "workspace.invited", `${actor.label} invited ${email} as ${role}.`, { role }));
  await write.commit(room.store);
  // The token stands behind the hash: it reaches neither servers nor proxies nor their logs.
  return { ...toInvitationAnswer(row, now), token, link: `${room.publicUrl()}/invitation#${token}` };
}

export async function listInvitations(
  room: Room,
  workspace: WorkspaceId,
  { includeRevoked }: { includeRevoked: boolean },
): Promise<InvitationAnswer[]> {
  const now = room.clock.now();
  const rows = await room.rows.invitations(workspace);
  return rows.map((row) => toInvitationAnswer(row, now)).filter((row) => includeRevoked || row.status !== "revoked");
}

export async function revokeInvitation(
  room: Room,
  actor: Actor,
  workspace: WorkspaceId,
  id: InvitationId,
  requestId?: string,
): Promise<void> {
  const row = await room.rows.invitation(workspace, id);
  if (!row) throw notFound("invitation_not_found", "There is no such invitation in this workspace.");
  const now = room.clock.now();
  const state = stateOfInvitation(row, now);
  if (state === "revoked") return;
  if (state === "accepted") throw conflict("invitation_accepted", `${row.email} has accepted already: remove the member instead.`);
  const write = new Write();
  write.add(room.rows.revokeInvitation(workspace, id, now));
  requireOneHere(write, room.store, room.rows.revokedInvitation(id, now));
  room.audit.record(write, {
    workspace,
    actor,
    action: "workspaces.revokeInvitation",
    subject: subject("invitation", id),
    before: { email: row.email, role: row.role },
    requestId,
  });
  room.events.append(
    write,
    workspaceEvent(workspace, actor, "workspace.invitation_revoked", `${actor.label} took back the invitation of ${row.email}.`),
  );
  try {
    await write.commit(room.store);
  } catch (error) {
    if (error instanceof NornsError && error.code === "guard_failed")
      throw conflict("invitation_changed", "The invitation was accepted or revoked just now: look again.", { cause: error });
    throw error;
  }
}

/** Null for an unknown, used, revoked or expired token alike: a guess learns nothing. */
export async function findInvitation(room: Room, token: string): Promise<PendingInvitation | null> {
  const row = await room.rows.invitationByHmac(invitationHmac(token, room.invitationSecret));
  return row ? toPending(room, row) : null;
}

export async function findInvitationsTo(room: Room, email: string): Promise<PendingInvitation[]> {
  const rows = await room.rows.invitationsTo(email);
  const pending = await Promise.all(rows.map((row) => toPending(room, row)));
  return pending.filter((invitation) => invitation !== null);
}

/**
 * Uses the invitation up and makes the membership, or fails the whole write with `guard_failed`: of two who accept at
 * once, and of an acceptance and a revocation, one comes second. Somebody who is a member already keeps their role.
 */
export function accept(
  room: Room,
  write: Write,
  invitation: PendingInvitation,
  person: { id: UserId; email: string },
  requestId?: string,
): void {
  const { id, workspace, role } = invitation;
  if (person.email !== invitation.email)
    throw forbidden("invitation_for_another", `This invitation is for another address than ${person.email}: sign in with that one.`);
  const now = room.clock.now();
  const actor = { kind: "user", id: person.id, label: person.email } as const;
  write.add(room.rows.useInvitation(id, person.id, now));
  requireOneHere(write, room.store, room.rows.usedInvitation(id, person.id, now));
  write.add(room.rows.insertMemberIfNew({ workspace, user_id: person.id, role, created_at: now }));
  room.audit.record(write, {
    workspace,
    actor,
    action: "workspaces.acceptInvitation",
    subject: subject("invitation", id),
    after: { user: person.id, role },
    requestId,
  });
  room.events.append(
    write,
    workspaceEvent(workspace, actor, "workspace.member_added", `${person.email} joined as ${role}.`, { user: person.id, role }),
  );
  room.revocations.revoke(write, [`user:${person.id}`]);
}

async function toPending(room: Room, row: Row): Promise<PendingInvitation | null> {
  if (stateOfInvitation(row, room.clock.now()) !== "pending") return null;
  const workspace = await room.rows.find(row.workspace as WorkspaceId);
  if (!workspace) return null;
  return {
    id: row.id as InvitationId,
    workspace: row.workspace as WorkspaceId,
    workspaceName: workspace.name,
    email: row.email,
    role: row.role as Role,
    expiresAt: row.expires_at,
  };
}

const toInvitationAnswer = (row: Row, now: number): InvitationAnswer => ({
  id: row.id,
  email: row.email,
  role: row.role as Role,
  status: stateOfInvitation(row, now),
  invited_by: row.invited_by_label,
  created_at: row.created_at,
  expires_at: row.expires_at,
  accepted_at: row.accepted_at,
  revoked_at: row.revoked_at,
});
