import type { Kysely } from "kysely";
import { isOneOf, type Store } from "@norns/kernel/database";
import type { Role } from "@norns/kernel/actor";
import type { InvitationId, UserId, WorkspaceId } from "@norns/kernel/ids";
import type { WorkspaceTables } from "./tables.ts";

/** The only place that names the room's tables. Queries that change something are given back, to go into a Write. */
export function createWorkspaceStore(store: Store) {
  const db: Kysely<WorkspaceTables> = store.tables<WorkspaceTables>("identity");
  return {
    find: (id: WorkspaceId) => db.selectFrom("workspaces").selectAll().where("id", "=", id).executeTakeFirst(),
    findBySlug: (slug: string) => db.selectFrom("workspaces").selectAll().where("slug", "=", slug).executeTakeFirst(),
    findBySlugOrId: (named: string) =>
      db
        .selectFrom("workspaces")
        .select(["id"])
        .where((eb) => eb.or([eb("id", "=", named), eb("slug", "=", named)]))
        .executeTakeFirst(),
    /** Of many, by one JSON parameter. Unknown ids are not among the answers. */
    async findMany(ids: readonly WorkspaceId[]) {
      if (ids.length === 0) return [];
      return db.selectFrom("workspaces").selectAll().where(isOneOf(store, ids)).orderBy("created_at").orderBy("id").execute();
    },
    insert: (row: WorkspaceTables["workspaces"]) => db.insertInto("workspaces").values(row),
    rename: (id: WorkspaceId, name: string, at: number) =>
      db.updateTable("workspaces").set({ name, updated_at: at }).where("id", "=", id).returning("id"),
    delete: (id: WorkspaceId) => db.deleteFrom("workspaces").where("id", "=", id).returning("id"),
    row: (id: WorkspaceId) => db.selectFrom("workspaces").select("id").where("id", "=", id),

    async rolesOf(user: UserId): Promise<Record<WorkspaceId, Role>> {
      const rows = await db
        .selectFrom("workspace_members")
        .select(["workspace", "role"])
        .where("user_id", "=", user)
        .orderBy("created_at")
        .execute();
      // The role was checked on its way in; the column holds one of the four.
      return Object.fromEntries(rows.map((row) => [row.workspace, row.role])) as Record<WorkspaceId, Role>;
    },
    members: (workspace: WorkspaceId) =>
      db.selectFrom("workspace_members").selectAll().where("workspace", "=", workspace).orderBy("created_at").orderBy("user_id").execute(),
    member: (workspace: WorkspaceId, user: UserId) =>
      db.selectFrom("workspace_members").selectAll().where("workspace", "=", workspace).where("user_id", "=", user).executeTakeFirst(),
    insertMember: (row: WorkspaceTables["workspace_members"]) => db.insertInto("workspace_members").values(row),
    /** Keeps the higher of two roles out of it: an existing membership stays as it is. */
    insertMemberIfNew: (row: WorkspaceTables["workspace_members"]) =>
      db
        .insertInto("workspace_members")
        .values(row)
        .onConflict((on) => on.columns(["workspace", "user_id"]).doNothing()),
    setRole: (workspace: WorkspaceId, user: UserId, from: Role, to: Role) =>
      db
        .updateTable("workspace_members")
        .set({ role: to })
        .where("workspace", "=", workspace)
        .where("user_id", "=", user)
        .where("role", "=", from)
        .returning("user_id"),
    removeMember: (workspace: WorkspaceId, user: UserId, from: Role) =>
      db
        .deleteFrom("workspace_members")
        .where("workspace", "=", workspace)
        .where("user_id", "=", user)
        .where("role", "=", from)
        .returning("user_id"),
    memberRow: (workspace: WorkspaceId, user: UserId, role: Role) =>
      db
        .selectFrom("workspace_members")
        .select("user_id")
        .where("workspace", "=", workspace)
        .where("user_id", "=", user)
        .where("role", "=", role),
    /** Locks the workspace's row: two removals of the last two owners take turns. */
    lock: (workspace: WorkspaceId, at: number) => db.updateTable("workspaces").set({ updated_at: at }).where("id", "=", workspace),
    /** One row while the workspace has an owner. */
    hasOwner: (workspace: WorkspaceId) =>
      db
        .selectFrom("workspaces")
        .select("id")
        .where("id", "=", workspace)
        .where((eb) =>
          eb.exists(eb.selectFrom("workspace_members").select("user_id").where("workspace", "=", workspace).where("role", "=", "owner")),
        ),

    invitations: (workspace: WorkspaceId) =>
      db
        .selectFrom("workspace_invitations")
        .selectAll()
        .where("workspace", "=", workspace)
        .orderBy("created_at", "desc")
        .orderBy("id", "desc")
        .execute(),
    invitation: (workspace: WorkspaceId, id: InvitationId) =>
      db.selectFrom("workspace_invitations").selectAll().where("workspace", "=", workspace).where("id", "=", id).executeTakeFirst(),
    invitationByHmac: (hmac: string) =>
      db.selectFrom("workspace_invitations").selectAll().where("token_hmac", "=", hmac).executeTakeFirst(),
    invitationsTo: (email: string) =>
      db
        .selectFrom("workspace_invitations")
        .selectAll()
        .where("email", "=", email)
        .where("accepted_at", "is", null)
        .where("revoked_at", "is", null)
        .execute(),
    insertInvitation: (row: WorkspaceTables["workspace_invitations"]) => db.insertInto("workspace_invitations").values(row),
    /** A new invitation to the same address ends the one before. */
    revokePending: (workspace: WorkspaceId, email: string, at: number) =>
      db
        .updateTable("workspace_invitations")
        .set({ revoked_at: at })
        .where("workspace", "=", workspace)
        .where("email", "=", email)
        .where("accepted_at", "is", null)
        .where("revoked_at", "is", null),
    revokeInvitation: (workspace: WorkspaceId, id: InvitationId, at: number) =>
      db
        .updateTable("workspace_invitations")
        .set({ revoked_at: at })
        .where("workspace", "=", workspace)
        .where("id", "=", id)
        .where("accepted_at", "is", null)
        .where("revoked_at", "is", null)
        .returning("id"),
    useInvitation: (id: InvitationId, user: UserId, at: number) =>
      db
        .updateTable("workspace_invitations")
        .set({ accepted_at: at, accepted_by: user })
        .where("id", "=", id)
        .where("accepted_at", "is", null)
        .where("revoked_at", "is", null)
        .where("expires_at", ">", at)
        .returning("id"),
    usedInvitation: (id: InvitationId, user: UserId, at: number) =>
      db
        .selectFrom("workspace_invitations")
        .select("id")
        .where("id", "=", id)
        .where("accepted_by", "=", user)
        .where("accepted_at", "=", at),
    revokedInvitation: (id: InvitationId, at: number) =>
      db.selectFrom("workspace_invitations").select("id").where("id", "=", id).where("revoked_at", "=", at),
  };
}
export type WorkspaceStore = ReturnType<typeof createWorkspaceStore>;
