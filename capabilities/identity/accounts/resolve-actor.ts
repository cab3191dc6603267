/**
 * Who asks. Credentials are tried from the most deliberate to the least: an explicit header, a socket's ticket,
 * Cloudflare's header, the cookie, and last nothing at all, which is somebody only in open mode. A credential that is
 * brought and is not good ends it: a bad token is never overlooked because something weaker is there too.
 */
import { scopes, type Actor, type Role } from "@norns/kernel/actor";
import type { SessionId, UserId, WorkspaceId } from "@norns/kernel/ids";
import { looksLikeKey } from "@norns/capabilities/identity/api-keys";
import type { ActorCache, FoundActor } from "./actor-cache.ts";
import type { CfAccess } from "./cf-access.ts";
import type { CredentialRequest, Person } from "./contract.ts";
import { credentialsOf } from "./credentials-of.ts";
import type { Room } from "./deps.ts";
import { findLocalCredential, localTokenPrefix } from "./installation.ts";
import { toPerson } from "./people.ts";
import { isLocalCaller, refuseForeignSocket, requireOwnPage } from "./same-origin.ts";
import { isSame, looksLikeSession, sessionHmac } from "./secrets.ts";
import { admitVouchedFor } from "./sign-up.ts";
import { redeemTicket } from "./tickets.ts";

export interface Resolver {
  readonly room: Room;
  readonly cache: ActorCache;
  readonly cfAccess: CfAccess | undefined;
}

const forever = Number.POSITIVE_INFINITY;

export async function resolveActor(resolver: Resolver, request: CredentialRequest, remoteAddress: string): Promise<Actor | null> {
  const { room } = resolver;
  const given = credentialsOf(request, { isSecure: room.isSecure(request) });

  if (given.isMalformed) return null;
  if (given.explicit !== undefined) {
    if (given.isSocket) refuseForeignSocket(request);
    return await byToken(resolver, given.explicit);
  }
  if (given.ticket !== undefined) {
    refuseForeignSocket(request);
    return await byTicket(room, given.ticket);
  }

  let unknownVisitor: Actor | null = null;
  if (resolver.cfAccess && given.cfAccess !== undefined) {
    const visitor = await byCfAccess(resolver, resolver.cfAccess, given.cfAccess);
    if (visitor === null) return null;
    if (visitor.kind === "user") {
      requireOwnPage(request, "browser", given.isSocket);
      return visitor;
    }
    // Vouched for, but no member: a session of their own still counts.
    unknownVisitor = visitor;
  }
  if (given.cookie !== undefined) {
    const actor = await bySession(resolver, given.cookie);
    if (actor) requireOwnPage(request, "cookie", given.isSocket);
    return actor ?? unknownVisitor;
  }
  if (unknownVisitor) return unknownVisitor;

  if (room.modes.open && isLocalCaller(request, remoteAddress)) {
    if (given.isSocket) requireOwnPage(request, "browser", true);
    return await systemActor(resolver, "open");
  }
  return null;
}

/** The token behind a request's session, for Better Auth: it is not looked up here. */
export function sessionTokenOf(room: Room, request: CredentialRequest): string | undefined {
  const { explicit, cookie } = credentialsOf(request, { isSecure: room.isSecure(request) });
  const token = explicit ?? cookie;
  return token !== undefined && looksLikeSession(token) ? token : undefined;
}

async function byToken(resolver: Resolver, token: string): Promise<Actor | null> {
  const { room, cache } = resolver;
  if (room.modes.apiToken !== undefined && isSame(token, room.modes.apiToken)) return await systemActor(resolver, "api-token");
  if (looksLikeKey(token)) return await cache.resolve("api-key", token, () => findKeyActor(room, token));
  if (token.startsWith(localTokenPrefix))
    return await cache.resolve("local", token, async () =>
      (await findLocalCredential(room, token)) ? { actor: await makeSystemActor(room, "local"), until: forever } : null,
    );
  return await bySession(resolver, token);
}

async function bySession({ room, cache }: Resolver, token: string): Promise<Actor | null> {
  if (!looksLikeSession(token)) return null;
  return await cache.resolve("session", token, async () => {
    const row = await room.rows.sessionByHmac(sessionHmac(token, room.sessionSecret));
    return row ? await toSessionActor(room, row) : null;
  });
}

async function byTicket(room: Room, ticket: string): Promise<Actor | null> {
  const known = await room.revocations.upTo();
  const bearer = await redeemTicket(room, ticket);
  if (!bearer) return null;
  const found = "session" in bearer ? await findSessionActor(room, bearer.session) : await findPersonActor(room, bearer.cfAccess);
  if (!found || found.until <= room.clock.now()) return null;
  room.revocations.note(found.actor, known);
  return found.actor;
}

async function byCfAccess({ room, cache }: Resolver, cfAccess: CfAccess, token: string): Promise<Actor | null> {
  return await cache.resolve("cf-access", token, async () => {
    const vouched = await cfAccess.verify(token);
    if (!vouched) return null;
    const row = await room.rows.userByEmail(vouched.email);
    const person = row ? toPerson(row) : await admitVouchedFor(room, vouched.email);
    if (person) return { actor: await toPersonActor(room, person, "cf-access"), until: vouched.expiresAt };
    return { actor: await toUnknownVisitor(room, vouched.email), until: vouched.expiresAt };
  });
}

async function findKeyActor(room: Room, value: string): Promise<FoundActor | null> {
  const key = await room.apiKeys.findByValue(value);
  if (!key) return null;
  return {
    actor: {
      kind: "api-key",
      id: key.id,
      label: `API key ${key.label}`,
      via: "api-key",
      roles: { [key.workspace]: key.role } as Record<WorkspaceId, Role>,
      scopes: key.scopes,
      isPlatformAdmin: false,
      homeWorkspace: key.workspace,
      issuer: key.issuer,
    },
    until: key.expiresAt ?? forever,
  };
}

async function findSessionActor(room: Room, session: SessionId): Promise<FoundActor | null> {
  const row = await room.rows.sessionById(session);
  return row ? await toSessionActor(room, row) : null;
}

async function findPersonActor(room: Room, user: UserId): Promise<FoundActor | null> {
  const row = await room.rows.user(user);
  return row ? { actor: await toPersonActor(room, toPerson(row), "cf-access"), until: forever } : null;
}

async function toSessionActor(
  room: Room,
  row: { session: string; expires_at: number; id: string; email: string; is_platform_admin: number },
): Promise<FoundActor> {
  const person = { id: row.id as UserId, email: row.email, isPlatformAdmin: row.is_platform_admin === 1 };
  return { actor: await toPersonActor(room, person, "session", row.session as SessionId), until: row.expires_at };
}

async function toPersonActor(
  room: Room,
  person: Pick<Person, "id" | "email" | "isPlatformAdmin">,
  via: "session" | "cf-access",
  session?: SessionId,
): Promise<Actor> {
  const roles = await room.workspaces.rolesOf(person.id);
  const home = await room.workspaces.defaultWorkspace();
  const [first] = Object.keys(roles) as WorkspaceId[];
  return {
    kind: "user",
    id: person.id,
    label: person.email,
    via,
    roles,
    scopes: "all",
    isPlatformAdmin: person.isPlatformAdmin,
    homeWorkspace: Object.hasOwn(roles, home) ? home : (first ?? home),
    ...(session ? { session } : {}),
  };
}

/** Known to Cloudflare, not to us: no person, no role, so every action answers 403 `no_workspace` with the address. */
async function toUnknownVisitor(room: Room, email: string): Promise<Actor> {
  return {
    kind: "system",
    id: `cf-access:${email}`,
    label: email,
    via: "cf-access",
    roles: {},
    scopes: [],
    isPlatformAdmin: false,
    homeWorkspace: await room.workspaces.defaultWorkspace(),
  };
}

type SystemName = "open" | "api-token" | "local";
const labels: Record<SystemName, string> = { open: "open mode", "api-token": "the API token", local: "this machine" };

const systemActor = (resolver: Resolver, name: SystemName): Promise<Actor | null> =>
  resolver.cache.resolve("system", name, async () => ({ actor: await makeSystemActor(resolver.room, name), until: forever }));

/**
 * Open mode and the API token are admins of `default`, without what asks for a session. The local credential is the
 * machine owner's: whoever reads NORNS_HOME has the database and the keys anyway.
 */
async function makeSystemActor(room: Room, name: SystemName): Promise<Actor> {
  const home = await room.workspaces.defaultWorkspace();
  return {
    kind: "system",
    id: name,
    label: labels[name],
    via: name,
    roles: { [home]: name === "local" ? "owner" : "admin" } as Record<WorkspaceId, Role>,
    scopes: name === "local" ? "all" : [...scopes],
    isPlatformAdmin: false,
    homeWorkspace: home,
  };
}
