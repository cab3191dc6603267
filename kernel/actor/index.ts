/**
 * Who acts, and the one function that says whether they may. REST, WebSocket, MCP and the CLI all end here.
 */
import { forbidden, notFound, unauthenticated } from "../errors/index.ts";
import type { SessionId, WorkspaceId } from "../ids/index.ts";

export const roles = ["viewer", "editor", "admin", "owner"] as const;
export type Role = (typeof roles)[number];

export const scopes = [
  "agents:read",
  "agents:write",
  "workspaces:read",
  "monitoring:read",
  "integrations:read",
  "integrations:write",
  "apps:read",
  "apps:write",
  "platforms:read",
  "platforms:write",
] as const;
export type Scope = (typeof scopes)[number];

export interface Actor {
  readonly kind: "user" | "api-key" | "system";
  /** User id, key id, or the name of a system actor (`open`, `api-token`, `local`). */
  readonly id: string;
  /** What audit and events show: an email address, a key's label. */
  readonly label: string;
  readonly via: "session" | "api-key" | "api-token" | "cf-access" | "open" | "local" | "internal";
  /** Role in each workspace the actor belongs to, read from the membership rows. */
  readonly roles: Readonly<Record<WorkspaceId, Role>>;
  /**
   * `all` for people and the machine's own credential; a key has the scopes it was made with. `NORN_API_TOKEN` and open
   * mode have every scope but not `all`: what asks for a session (an action without a scope) is refused to them too.
   */
  readonly scopes: readonly Scope[] | "all";
  readonly isPlatformAdmin: boolean;
  /** The workspace used when a request names none. */
  readonly homeWorkspace: WorkspaceId;
  /** Set when a session stands behind the actor: revoking it closes the actor's live streams. */
  readonly session?: SessionId;
  /** Whose membership an API key stands on: the key loses with it. */
  readonly issuer?: string;
}

/** Something that can be done, with what it takes. Rooms declare theirs in `policy.ts`. */
export interface Action {
  /** `apps.deploy`: room and verb, as audit and the truth table show it. */
  readonly name: string;
  /** The least role in the resource's workspace. */
  readonly role: Role;
  /** The scope an API key needs; without one, keys are refused (a session is required). */
  readonly scope?: Scope;
  /** Needs the person's platform-admin role, whatever their role in a workspace. */
  readonly platformAdmin?: true;
}

export interface Resource {
  readonly workspace: WorkspaceId;
}

const rank: Record<Role, number> = { viewer: 0, editor: 1, admin: 2, owner: 3 };

/** True when `role` is at least `needed`. */
export const isAtLeast = (role: Role, needed: Role): boolean => rank[role] >= rank[needed];

/**
 * Allows or throws: 401 without an actor, 404 for a workspace the actor does not belong to (its existence is not told),
 * 403 with the role or scope that is missing, 403 `no_workspace` for somebody who is known but belongs nowhere.
 */
export function authorise(actor: Actor | null, action: Action, resource: Resource): asserts actor is Actor {
  if (!actor) throw unauthenticated("unauthenticated", "Sign in, or send an API key as `Authorization: Bearer`.");
  if (action.platformAdmin && !actor.isPlatformAdmin)
    throw forbidden("platform_admin_required", "This needs an administrator of the installation.");
  const role = roleIn(actor, resource.workspace);
  if (!role) {
    if (Object.keys(actor.roles).length === 0)
      throw forbidden("no_workspace", `${actor.label} belongs to no workspace here: ask an administrator for an invitation.`);
    throw notFound("not_found", "There is no such thing in a workspace of yours.");
  }
  if (actor.scopes !== "all") {
    if (!action.scope) throw forbidden("session_required", "A key or token cannot do this: sign in as a person.");
    if (!actor.scopes.includes(action.scope))
      throw forbidden("missing_scope", `This API key lacks the scope ${action.scope}.`, { details: { scope: action.scope } });
  }
  if (!isAtLeast(role, action.role))
    throw forbidden("role_required", `This needs the role ${action.role}; you are ${role}.`, {
      details: { required: action.role, role },
    });
}

/** The role in a workspace. Own properties only: a workspace named like something of Object's prototype has none. */
export const roleIn = (actor: Actor, workspace: WorkspaceId): Role | undefined =>
  Object.hasOwn(actor.roles, workspace) ? actor.roles[workspace] : undefined;

/** The same question as a boolean, for lists and menus. */
export function may(actor: Actor | null, action: Action, resource: Resource): boolean {
  try {
    authorise(actor, action, resource);
    return true;
  } catch {
    return false;
  }
}

export { createRevocations, revocationMigrations, revocationSubjects, type RevocationSubject, type Revocations } from "./revocations.ts";
