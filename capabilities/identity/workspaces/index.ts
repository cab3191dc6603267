/** Workspaces, their members with the four roles, and invitations into them. */
import type { RoomMigrations } from "@norns/kernel/database";
import { workspaces0001 } from "./migrations/0001-workspaces.ts";

export type {
  InvitationAnswer,
  MemberAnswer,
  MembershipChange,
  PendingInvitation,
  People,
  WorkspaceAnswer,
  Workspaces,
} from "./contract.ts";
export type { WorkspacesDeps } from "./deps.ts";
export { createWorkspaces } from "./workspaces.ts";
export { workspaceRoutes } from "./routes.ts";
export { workspaceActions } from "./policy.ts";

export const workspaceMigrations: RoomMigrations = {
  schema: "identity",
  room: "identity/workspaces",
  migrations: [workspaces0001],
};
