import { subject, type NewEvent } from "@norns/kernel/events";
import type { WorkspaceId } from "@norns/kernel/ids";

/** What happens to people and sessions, in the log of events of workspace `default`. */
export const accountEvent = (workspace: WorkspaceId, actor: string, user: string, action: string, message: string): NewEvent => ({
  workspace,
  subject: subject("user", user),
  category: "account",
  action,
  message,
  actor,
});
