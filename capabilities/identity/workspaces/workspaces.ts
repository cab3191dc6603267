import { roleIn, type Role } from "@norns/kernel/actor";
import { idSchema, type WorkspaceId } from "@norns/kernel/ids";
import type { WorkspaceAnswer, Workspaces } from "./contract.ts";
import type { Room, WorkspacesDeps } from "./deps.ts";
import { defaultWorkspace, ensureDefault } from "./ensure-default.ts";
import { accept, findInvitation, findInvitationsTo, invite, listInvitations, revokeInvitation } from "./manage-invitations.ts";
import { changeRole, holdMembership, listMembers, removeMember } from "./manage-members.ts";
import { createWorkspace, deleteWorkspace, renameWorkspace, workspaceNotFound } from "./manage-workspace.ts";
import { createWorkspaceStore } from "./store.ts";

/** Nobody's: what a header is resolved to that names no workspace of the caller's. */
const nowhere = "nowhere" as WorkspaceId;
const isWorkspaceId = (text: string): boolean => idSchema("WorkspaceId").safeParse(text).success;

export function createWorkspaces(deps: WorkspacesDeps): Workspaces {
  const room: Room = { ...deps, rows: createWorkspaceStore(deps.store) };
  return {
    ensureDefault: () => ensureDefault(room),
    defaultWorkspace: () => defaultWorkspace(room),
    rolesOf: (user) => room.rows.rolesOf(user),
    async resolveNamed(named, actor) {
      if (!actor) return nowhere;
      if (isWorkspaceId(named)) return named as WorkspaceId;
      const found = await room.rows.findBySlug(named);
      const id = found?.id as WorkspaceId | undefined;
      return id !== undefined && roleIn(actor, id) ? id : nowhere;
    },
    async list(actor) {
      const rows = await room.rows.findMany(Object.keys(actor.roles) as WorkspaceId[]);
      return rows.map((row) => toAnswer(row, roleIn(actor, row.id as WorkspaceId)!));
    },
    async get(actor, workspace) {
      const row = await room.rows.find(workspace);
      const role = roleIn(actor, workspace);
      if (!row || !role) throw workspaceNotFound();
      return toAnswer(row, role);
    },
    create: (actor, name, requestId) => createWorkspace(room, actor, name, requestId),
    rename: (actor, workspace, name, requestId) => renameWorkspace(room, actor, workspace, name, requestId),
    delete: (actor, workspace, requestId) => deleteWorkspace(room, actor, workspace, requestId),
    listMembers: (workspace) => listMembers(room, workspace),
    changeRole: (actor, workspace, user, role, requestId) => changeRole(room, actor, workspace, user, role, requestId),
    removeMember: (actor, workspace, user, requestId) => removeMember(room, actor, workspace, user, requestId),
    invite: (actor, workspace, invitation, requestId) => invite(room, actor, workspace, invitation, requestId),
    listInvitations: (workspace, options) => listInvitations(room, workspace, options),
    revokeInvitation: (actor, workspace, id, requestId) => revokeInvitation(room, actor, workspace, id, requestId),
    findInvitation: (token) => findInvitation(room, token),
    findInvitationsTo: (email) => findInvitationsTo(room, email),
    accept: (write, invitation, person, requestId) => accept(room, write, invitation, person, requestId),
    holdMembership: (write, workspace, user, role) => holdMembership(room, write, workspace, user, role),
    addOwner(write, workspace, person) {
      write.add(room.rows.insertMember({ workspace, user_id: person.id, role: "owner", created_at: room.clock.now() }));
    },
  };
}

const toAnswer = (row: { id: string; name: string; slug: string; created_at: number }, role: Role): WorkspaceAnswer => ({
  id: row.id,
  name: row.name,
  slug: row.slug,
  role,
  created_at: row.created_at,
});
