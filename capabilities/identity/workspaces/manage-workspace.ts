import { roleIn, type Actor } from "@norns/kernel/actor";
import { Write, requireOneHere } from "@norns/kernel/database";
import { conflict, notFound } from "@norns/kernel/errors";
import { subject } from "@norns/kernel/events";
import { newId, type UserId, type WorkspaceId } from "@norns/kernel/ids";
import type { WorkspaceAnswer } from "./contract.ts";
import type { Room } from "./deps.ts";
import { defaultSlug } from "./ensure-default.ts";
import { workspaceEvent } from "./events.ts";
import { toSlug } from "./rules.ts";

const maxNamed = 10;

/** The person becomes its owner. */
export async function createWorkspace(room: Room, actor: Actor, name: string, requestId?: string): Promise<WorkspaceAnswer> {
  const now = room.clock.now();
  const id = newId("WorkspaceId", room.ids);
  const slug = toSlug(name, id.slice(-6));
  const write = new Write();
  write.add(room.rows.insert({ id, slug, name, created_by: actor.id, created_at: now, updated_at: now }));
  write.add(room.rows.insertMember({ workspace: id, user_id: actor.id, role: "owner", created_at: now }));
  room.audit.record(write, {
    workspace: id,
    actor,
    action: "workspaces.create",
    subject: subject("workspace", id),
    after: { name, slug },
    requestId,
  });
  room.events.append(write, workspaceEvent(id, actor, "workspace.created", `${actor.label} made workspace ${name}.`));
  room.revocations.revoke(write, [`user:${actor.id}`]);
  await write.commit(room.store);
  return { id, name, slug, role: "owner", created_at: now };
}

export async function renameWorkspace(
  room: Room,
  actor: Actor,
  workspace: WorkspaceId,
  name: string,
  requestId?: string,
): Promise<WorkspaceAnswer> {
  const before = await room.rows.find(workspace);
  if (!before) throw workspaceNotFound();
  const now = room.clock.now();
  const write = new Write();
  write.add(room.rows.rename(workspace, name, now));
  requireOneHere(write, room.store, room.rows.row(workspace));
  room.audit.record(write, {
    workspace,
    actor,
    action: "workspaces.rename",
    subject: subject("workspace", workspace),
    before: { name: before.name },
    after: { name },
    requestId,
  });
  room.events.append(
    write,
    workspaceEvent(workspace, actor, "workspace.renamed", `${actor.label} renamed workspace ${before.name} to ${name}.`),
  );
  await write.commit(room.store);
  return { id: workspace, name, slug: before.slug, role: roleIn(actor, workspace)!, created_at: before.created_at };
}

/**
 * Takes members and invitations with it and revokes its keys. What other rooms keep in it must be gone first: nothing
 * that runs is left without anybody who may stop it.
 */
export async function deleteWorkspace(room: Room, actor: Actor, workspace: WorkspaceId, requestId?: string): Promise<void> {
  const before = await room.rows.find(workspace);
  if (!before) throw workspaceNotFound();
  if (before.slug === defaultSlug)
    throw conflict("default_workspace", "Workspace default stays: the installation's own credential belongs to it.");
  const held = await room.holdings(workspace);
  if (held.length > 0)
    throw conflict(
      "workspace_not_empty",
      `Workspace ${before.name} still has ${held.slice(0, maxNamed).join(", ")}${held.length > maxNamed ? " and more" : ""}: remove that first.`,
      {
        details: { holdings: held.slice(0, maxNamed), count: held.length },
      },
    );
  const members = await room.rows.members(workspace);
  const write = new Write();
  room.workspaceDeleted(write, workspace);
  write.add(room.rows.delete(workspace));
  room.audit.record(write, {
    workspace,
    actor,
    action: "workspaces.delete",
    subject: subject("workspace", workspace),
    before: { name: before.name, members: members.map((member) => ({ user: member.user_id, role: member.role })) },
    requestId,
  });
  room.events.append(write, workspaceEvent(workspace, actor, "workspace.deleted", `${actor.label} deleted workspace ${before.name}.`));
  room.revocations.revoke(write, [`workspace:${workspace}`, ...members.map((member) => `user:${member.user_id as UserId}` as const)]);
  await write.commit(room.store);
}

export const workspaceNotFound = () => notFound("workspace_not_found", "There is no such workspace of yours.");
