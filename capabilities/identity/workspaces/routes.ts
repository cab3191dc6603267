import { emailSchema } from "@norns/capabilities/identity/accounts";
import { addRoute, z, type Router } from "@norns/kernel/http";
import type { WorkspaceId } from "@norns/kernel/ids";
import {
  invitableRole,
  invitationAnswer,
  invitationParams,
  memberAnswer,
  memberParams,
  newInvitationAnswer,
  roleSchema,
  workspaceAnswer,
  workspaceName,
  workspaceParams,
  type Workspaces,
} from "./contract.ts";
import * as policy from "./policy.ts";

const tag = "Workspaces";
const workspace = (params: Record<string, string>) => params["workspaceId"] as WorkspaceId;
const success = z.object({ success: z.literal(true) });

export function workspaceRoutes(router: Router, room: Workspaces): void {
  addRoute(
    router,
    {
      method: "get",
      path: "/api/workspaces",
      summary: "The workspaces you belong to, with your role",
      tag,
      access: { action: policy.readWorkspaces },
      answer: z.array(workspaceAnswer),
    },
    ({ actor }) => room.list(actor),
  );
  addRoute(
    router,
    {
      method: "post",
      path: "/api/workspaces",
      summary: "Make a workspace; you become its owner",
      tag,
      access: { person: true },
      body: z.object({ name: workspaceName }),
      status: 201,
      answer: workspaceAnswer,
    },
    ({ actor, body, scope }) => room.create(actor, body.name, scope.requestId),
  );
  addRoute(
    router,
    {
      method: "get",
      path: "/api/workspaces/{workspaceId}",
      summary: "One workspace",
      tag,
      access: { action: policy.readWorkspaces },
      workspace,
      params: workspaceParams,
      answer: workspaceAnswer,
    },
    ({ actor, params }) => room.get(actor, params.workspaceId),
  );
  addRoute(
    router,
    {
      method: "patch",
      path: "/api/workspaces/{workspaceId}",
      summary: "Rename a workspace",
      tag,
      access: { action: policy.renameWorkspace },
      workspace,
      params: workspaceParams,
      body: z.object({ name: workspaceName }),
      answer: workspaceAnswer,
    },
    ({ actor, params, body, scope }) => room.rename(actor, params.workspaceId, body.name, scope.requestId),
  );
  addRoute(
    router,
    {
      method: "delete",
      path: "/api/workspaces/{workspaceId}",
      summary: "Delete an empty workspace with its members, invitations and keys",
      tag,
      access: { action: policy.deleteWorkspace },
      workspace,
      params: workspaceParams,
      answer: success,
    },
    async ({ actor, params, scope }) => {
      await room.delete(actor, params.workspaceId, scope.requestId);
      return { success: true } as const;
    },
  );
  memberRoutes(router, room);
  invitationRoutes(router, room);
}

function memberRoutes(router: Router, room: Workspaces): void {
  addRoute(
    router,
    {
      method: "get",
      path: "/api/workspaces/{workspaceId}/members",
      summary: "Members and their roles",
      tag,
      access: { action: policy.readMembers },
      workspace,
      params: workspaceParams,
      answer: z.array(memberAnswer),
    },
    ({ params }) => room.listMembers(params.workspaceId),
  );
  addRoute(
    router,
    {
      method: "patch",
      path: "/api/workspaces/{workspaceId}/members/{userId}",
      summary: "Change a member's role; nobody gives more than they have",
      tag,
      access: { action: policy.changeRole },
      workspace,
      params: memberParams,
      body: z.object({ role: roleSchema }),
      answer: memberAnswer,
    },
    ({ actor, params, body, scope }) => room.changeRole(actor, params.workspaceId, params.userId, body.role, scope.requestId),
  );
  addRoute(
    router,
    {
      method: "delete",
      path: "/api/workspaces/{workspaceId}/members/{userId}",
      summary: "Remove a member; the last owner stays",
      tag,
      access: { action: policy.removeMember },
      workspace,
      params: memberParams,
      answer: success,
    },
    async ({ actor, params, scope }) => {
      await room.removeMember(actor, params.workspaceId, params.userId, scope.requestId);
      return { success: true } as const;
    },
  );
}

function invitationRoutes(router: Router, room: Workspaces): void {
  addRoute(
    router,
    {
      method: "get",
      path: "/api/workspaces/{workspaceId}/invitations",
      summary: "Invitations; revoked ones on request",
      tag,
      access: { action: policy.readInvitations },
      workspace,
      params: workspaceParams,
      query: z.object({ includeRevoked: z.enum(["true", "false", "1", "0"]).optional() }),
      answer: z.array(invitationAnswer),
    },
    ({ params, query }) =>
      room.listInvitations(params.workspaceId, { includeRevoked: query.includeRevoked === "true" || query.includeRevoked === "1" }),
  );
  addRoute(
    router,
    {
      method: "post",
      path: "/api/workspaces/{workspaceId}/invitations",
      summary: "Invite an address; the link is in this answer and nowhere else",
      tag,
      access: { action: policy.invite },
      workspace,
      params: workspaceParams,
      body: z.object({ email: emailSchema, role: invitableRole.default("viewer") }),
      status: 201,
      answer: newInvitationAnswer,
    },
    ({ actor, params, body, scope }) => room.invite(actor, params.workspaceId, body, scope.requestId),
  );
  addRoute(
    router,
    {
      method: "delete",
      path: "/api/workspaces/{workspaceId}/invitations/{invitationId}",
      summary: "Take an invitation back",
      tag,
      access: { action: policy.revokeInvitation },
      workspace,
      params: invitationParams,
      answer: success,
    },
    async ({ actor, params, scope }) => {
      await room.revokeInvitation(actor, params.workspaceId, params.invitationId, scope.requestId);
      return { success: true } as const;
    },
  );
}
