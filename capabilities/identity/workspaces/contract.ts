/** Workspaces, members, invitations: shapes on the wire (snake_case where the agents system's clients read it) and the door. */
import { z } from "@norns/kernel/http";
import { roles, type Actor, type Role } from "@norns/kernel/actor";
import type { Write } from "@norns/kernel/database";
import { idSchema, type InvitationId, type UserId, type WorkspaceId } from "@norns/kernel/ids";

export const roleSchema = z.enum(roles);
/** An owner is made by an owner, by changing a member's role; nobody is invited as one. */
export const invitableRole = z.enum(["viewer", "editor", "admin"]);

export const workspaceName = z.string().trim().min(1, "a name is needed").max(100);

export const workspaceParams = z.object({ workspaceId: idSchema("WorkspaceId") });
export const memberParams = workspaceParams.extend({ userId: idSchema("UserId") });
export const invitationParams = workspaceParams.extend({ invitationId: idSchema("InvitationId") });

export const workspaceAnswer = z
  .object({
    id: z.string(),
    name: z.string(),
    slug: z.string(),
    /** The caller's own role in it. */
    role: roleSchema,
    created_at: z.number().int(),
  })
  .openapi("Workspace");
export type WorkspaceAnswer = z.infer<typeof workspaceAnswer>;

export const memberAnswer = z
  .object({
    userId: z.string(),
    email: z.string(),
    name: z.string(),
    role: roleSchema,
    created_at: z.number().int(),
  })
  .openapi("Member");
export type MemberAnswer = z.infer<typeof memberAnswer>;

export const invitationStates = ["pending", "accepted", "revoked", "expired"] as const;
export const invitationAnswer = z
  .object({
    id: z.string(),
    email: z.string(),
    role: roleSchema,
    status: z.enum(invitationStates),
    invited_by: z.string(),
    created_at: z.number().int(),
    expires_at: z.number().int(),
    accepted_at: z.number().int().nullable(),
    revoked_at: z.number().int().nullable(),
  })
  .openapi("Invitation");
export type InvitationAnswer = z.infer<typeof invitationAnswer>;

/** The answer to an invitation just made: the only time its link is told. */
export const newInvitationAnswer = invitationAnswer.extend({ token: z.string(), link: z.string() }).openapi("NewInvitation");

/** What the room needs to know of people, which are `accounts`'. */
export interface People {
  findPeople(ids: readonly UserId[]): Promise<ReadonlyMap<UserId, { email: string; name: string }>>;
}

export interface MembershipChange {
  readonly workspace: WorkspaceId;
  readonly user: UserId;
  /** Null: no longer a member. */
  readonly role: Role | null;
}

export interface Workspaces {
  /** Makes workspace `default` when there is none. Harmless to repeat and to run twice at once. */
  ensureDefault(): Promise<WorkspaceId>;
  /** Throws when `ensureDefault` has never run on this database. */
  defaultWorkspace(): Promise<WorkspaceId>;
  /** The roles of a person, by workspace: what an actor is made of. */
  rolesOf(user: UserId): Promise<Record<WorkspaceId, Role>>;
  /**
   * The workspace a header names, by id or slug. What is not among the actor's own is answered by an id that none has,
   * so that `authorise` says 404.
   */
  resolveNamed(named: string, actor: Actor | null): Promise<WorkspaceId>;
  list(actor: Actor): Promise<WorkspaceAnswer[]>;
  get(actor: Actor, workspace: WorkspaceId): Promise<WorkspaceAnswer>;
  create(actor: Actor, name: string, requestId?: string): Promise<WorkspaceAnswer>;
  rename(actor: Actor, workspace: WorkspaceId, name: string, requestId?: string): Promise<WorkspaceAnswer>;
  /** Conflict for `default` and for a workspace that still holds something. */
  delete(actor: Actor, workspace: WorkspaceId, requestId?: string): Promise<void>;
  listMembers(workspace: WorkspaceId): Promise<MemberAnswer[]>;
  changeRole(actor: Actor, workspace: WorkspaceId, user: UserId, role: Role, requestId?: string): Promise<MemberAnswer>;
  removeMember(actor: Actor, workspace: WorkspaceId, user: UserId, requestId?: string): Promise<void>;
  invite(
    actor: Actor,
    workspace: WorkspaceId,
    invitation: { email: string; role: Role },
    requestId?: string,
  ): Promise<InvitationAnswer & { token: string; link: string }>;
  listInvitations(workspace: WorkspaceId, options: { includeRevoked: boolean }): Promise<InvitationAnswer[]>;
  revokeInvitation(actor: Actor, workspace: WorkspaceId, invitation: InvitationId, requestId?: string): Promise<void>;
  /** The pending invitation behind a token; null for anything else. Tells nothing of why. */
  findInvitation(token: string): Promise<PendingInvitation | null>;
  /** Pending invitations to an address: what a person whom Cloudflare Access vouches for may accept. */
  findInvitationsTo(email: string): Promise<PendingInvitation[]>;
  /** Adds acceptance to a write: the membership, the used-up invitation, audit and event. Fails the commit when it was used meanwhile. */
  accept(write: Write, invitation: PendingInvitation, person: { id: UserId; email: string }, requestId?: string): void;
  /**
   * Adds to a write that the person still has this role, and keeps it so until the commit: the write fails with
   * `guard_failed` otherwise.
   */
  holdMembership(write: Write, workspace: WorkspaceId, user: UserId, role: Role): void;
  /** Adds a first owner to the workspace: for the claim. */
  addOwner(write: Write, workspace: WorkspaceId, person: { id: UserId; email: string }): void;
}

export interface PendingInvitation {
  readonly id: InvitationId;
  readonly workspace: WorkspaceId;
  readonly workspaceName: string;
  readonly email: string;
  readonly role: Role;
  readonly expiresAt: number;
}
