import { scopes } from "@norns/kernel/actor";
import { addRoute, z, type Router } from "@norns/kernel/http";
import { idSchema, type WorkspaceId } from "@norns/kernel/ids";
import { apiKeyAnswer, createdKeyAnswer, keyParams, newKeyBody, scopeSchema, type ApiKeys } from "./contract.ts";
import { createKey, readKeys, revokeKey } from "./policy.ts";

const tag = "API keys";
const workspace = (params: Record<string, string>) => params["workspaceId"] as WorkspaceId;
const params = z.object({ workspaceId: idSchema("WorkspaceId") });

export function apiKeyRoutes(router: Router, room: ApiKeys): void {
  addRoute(
    router,
    {
      method: "get",
      path: "/api/workspaces/{workspaceId}/api-keys/scopes",
      summary: "What a key can be given",
      tag,
      access: { action: readKeys },
      workspace,
      params,
      answer: z.array(scopeSchema),
    },
    () => [...scopes],
  );
  addRoute(
    router,
    {
      method: "get",
      path: "/api/workspaces/{workspaceId}/api-keys",
      summary: "The workspace's keys, without their values",
      tag,
      access: { action: readKeys },
      workspace,
      params,
      answer: z.array(apiKeyAnswer),
    },
    ({ params: { workspaceId } }) => room.list(workspaceId),
  );
  addRoute(
    router,
    {
      method: "post",
      path: "/api/workspaces/{workspaceId}/api-keys",
      summary: "Make a key; its value is in this answer and nowhere else",
      tag,
      access: { action: createKey },
      workspace,
      params,
      body: newKeyBody,
      status: 201,
      answer: createdKeyAnswer,
    },
    ({ actor, params: { workspaceId }, body, scope }) => room.create(actor, workspaceId, body, scope.requestId),
  );
  addRoute(
    router,
    {
      method: "delete",
      path: "/api/workspaces/{workspaceId}/api-keys/{keyId}",
      summary: "Revoke a key: refused everywhere within a second",
      tag,
      access: { action: revokeKey },
      workspace,
      params: keyParams,
      answer: z.object({ success: z.literal(true) }),
    },
    async ({ actor, params: { workspaceId, keyId }, scope }) => {
      await room.revoke(actor, workspaceId, keyId, scope.requestId);
      return { success: true } as const;
    },
  );
}
