import { NornsError, bug } from "@norns/kernel/errors";
import { newId, type WorkspaceId } from "@norns/kernel/ids";
import { subject } from "@norns/kernel/events";
import { Write } from "@norns/kernel/database";
import type { Room } from "./deps.ts";
import { workspaceEvent } from "./events.ts";

export const defaultSlug = "default";

/** The slug is unique: of two servers that start at once one makes it, the other finds it. */
export async function ensureDefault(room: Room): Promise<WorkspaceId> {
  const found = await room.rows.findBySlug(defaultSlug);
  if (found) return found.id as WorkspaceId;
  const now = room.clock.now();
  const id = newId("WorkspaceId", room.ids);
  const actor = { kind: "system", id: "norns", label: "norns" } as const;
  const write = new Write();
  write.add(room.rows.insert({ id, slug: defaultSlug, name: "Default", created_by: "norns", created_at: now, updated_at: now }));
  room.audit.record(write, {
    workspace: id,
    actor,
    action: "workspaces.create",
    subject: subjectOf(id),
    after: { name: "Default", slug: defaultSlug },
  });
  room.events.append(write, workspaceEvent(id, actor, "workspace.created", "Workspace Default was made at first start."));
  try {
    await write.commit(room.store);
    return id;
  } catch (error) {
    if (!(error instanceof NornsError) || error.code !== "unique_violation") throw error;
    return await defaultWorkspace(room);
  }
}

export async function defaultWorkspace(room: Room): Promise<WorkspaceId> {
  const found = await room.rows.findBySlug(defaultSlug);
  if (!found) throw bug("no_default_workspace", "This installation has no workspace `default`: it is made at the first start.");
  return found.id as WorkspaceId;
}

const subjectOf = (id: WorkspaceId) => subject("workspace", id);
