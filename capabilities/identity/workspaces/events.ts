import type { Actor } from "@norns/kernel/actor";
import { subject, type NewEvent } from "@norns/kernel/events";
import type { WorkspaceId } from "@norns/kernel/ids";

/** What the room says in the log of events. Emails are named there: members of the workspace see them anyway. */
export const workspaceEvent = (
  workspace: WorkspaceId,
  actor: Pick<Actor, "label">,
  action: `workspace.${string}`,
  message: string,
  metadata: Record<string, string> = {},
): NewEvent => ({
  workspace,
  subject: subject("workspace", workspace),
  category: "workspace",
  action,
  message,
  metadata,
  actor: actor.label,
});
