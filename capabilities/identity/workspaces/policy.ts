/** Changing a workspace, its members or its invitations has no scope: it takes a person. */
import type { Action } from "@norns/kernel/actor";

export const readWorkspaces: Action = { name: "workspaces.read", role: "viewer", scope: "workspaces:read" };
export const renameWorkspace: Action = { name: "workspaces.rename", role: "admin" };
export const deleteWorkspace: Action = { name: "workspaces.delete", role: "owner" };
export const readMembers: Action = { name: "workspaces.readMembers", role: "viewer", scope: "workspaces:read" };
export const changeRole: Action = { name: "workspaces.changeRole", role: "admin" };
export const removeMember: Action = { name: "workspaces.removeMember", role: "admin" };
export const readInvitations: Action = { name: "workspaces.readInvitations", role: "admin" };
export const invite: Action = { name: "workspaces.invite", role: "admin" };
export const revokeInvitation: Action = { name: "workspaces.revokeInvitation", role: "admin" };

export const workspaceActions = [
  readWorkspaces,
  renameWorkspace,
  deleteWorkspace,
  readMembers,
  changeRole,
  removeMember,
  readInvitations,
  invite,
  revokeInvitation,
] as const;
