/** The people, keys and forgeries that every route is tried with. Made through the doors, so they exist on a real server too. */
import { roles, scopes, type Actor, type Role, type Scope } from "@norns/kernel/actor";
import type { Store } from "@norns/kernel/database";
import type { UserId, WorkspaceId } from "@norns/kernel/ids";
import type { Accounts } from "@norns/capabilities/identity/accounts";
import type { ApiKeys } from "@norns/capabilities/identity/api-keys";
import type { Workspaces } from "@norns/capabilities/identity/workspaces";

export interface Doors {
  readonly accounts: Accounts;
  readonly workspaces: Workspaces;
  readonly apiKeys: ApiKeys;
  readonly store: Store;
}

export interface Cast {
  /** The workspace under trial. */
  readonly workspace: WorkspaceId;
  /** Session tokens by role in it. The owner is an administrator of the installation too when the cast claimed it. */
  readonly sessions: Readonly<Record<Role, string>>;
  readonly users: Readonly<Record<Role, UserId>>;
  /** Owner of another workspace, and that workspace. */
  readonly stranger: { readonly token: string; readonly userId: UserId; readonly workspace: WorkspaceId };
  /** A key of the workspace with every scope, and keys that lack one each. */
  readonly key: string;
  readonly keysWithout: Readonly<Record<Scope, string>>;
  readonly strangersKey: string;
  /** Tokens that were good and are not: by what happened to them. */
  readonly ended: Readonly<Record<"expired session" | "revoked session" | "expired key" | "revoked key", string>>;
  /** Tokens that never were. */
  readonly forged: Readonly<Record<string, string>>;
}

const password = "a password of the cast";
const caller = { remoteAddress: "127.0.0.1", userAgent: "cast" };
const peer = { remoteAddress: "127.0.0.1" };

/** Claims the installation when nobody has; else `owner` must be the token of an owner of `default`. */
export async function aCast({ accounts, workspaces, apiKeys, store }: Doors, owner?: { token: string; userId: UserId }): Promise<Cast> {
  const workspace = await workspaces.defaultWorkspace();
  const actorOf = async (token: string): Promise<Actor> => {
    const actor = await accounts.resolveActor(withToken(token), peer);
    if (!actor) throw new Error("A credential of the cast is not good.");
    return actor;
  };
  const first = owner ?? (await claimIt(accounts));
  const ownerActor = await actorOf(first.token);

  const join = async (role: Role, into: WorkspaceId, by: Actor): Promise<{ token: string; userId: UserId }> => {
    const email = `cast-${role}-${crypto.randomUUID().slice(0, 8)}@example.com`;
    const { token } = await workspaces.invite(by, into, { email, role });
    const session = await accounts.signUp({ email, password, invitation: token }, caller);
    return { token: session.token, userId: session.user.id as UserId };
  };
  const viewer = await join("viewer", workspace, ownerActor);
  const editor = await join("editor", workspace, ownerActor);
  const admin = await join("admin", workspace, ownerActor);

  // The stranger came by an invitation and was taken out again: known here, and a member of nothing of ours.
  const guest = await join("viewer", workspace, ownerActor);
  const own = await workspaces.create(await actorOf(guest.token), "Elsewhere");
  await workspaces.removeMember(ownerActor, workspace, guest.userId);
  const stranger = { ...guest, workspace: own.id as WorkspaceId };

  const makeKey = (of: readonly Scope[], by = ownerActor, into = workspace) => apiKeys.create(by, into, { label: "cast", scopes: [...of] });
  const keysWithout = {} as Record<Scope, string>;
  for (const scope of scopes) keysWithout[scope] = (await makeKey(scopes.filter((other) => other !== scope))).apiKey;
  const [key, revokedKey, expiredKey] = [await makeKey(scopes), await makeKey(scopes), await makeKey(scopes)];
  await apiKeys.revoke(ownerActor, workspace, revokedKey.id as never);
  const strangersKey = await makeKey(scopes, await actorOf(stranger.token), stranger.workspace);

  const revoked = (await join("admin", workspace, ownerActor)).token;
  await accounts.signOut(await actorOf(revoked));
  // Not looked up before it expires: what is remembered of a good session is remembered with its end.
  const expired = await join("admin", workspace, ownerActor);
  await expire(store, expired.userId, expiredKey.id);

  return {
    workspace,
    sessions: { viewer: viewer.token, editor: editor.token, admin: admin.token, owner: first.token },
    users: { viewer: viewer.userId, editor: editor.userId, admin: admin.userId, owner: first.userId },
    stranger,
    key: key.apiKey,
    keysWithout,
    strangersKey: strangersKey.apiKey,
    ended: {
      "revoked session": revoked,
      "expired session": expired.token,
      "revoked key": revokedKey.apiKey,
      "expired key": expiredKey.apiKey,
    },
    forged: {
      "forged session": "A".repeat(32),
      "forged key": `nora_${"A".repeat(43)}`,
      "half a key": key.apiKey.slice(0, 18),
      "a key's case changed": key.apiKey.replace(/[a-z](?=[^a-z]*$)/, (letter) => letter.toUpperCase()),
      "forged local credential": `norns_local_${"A".repeat(43)}`,
      "a JWT without a signature": `${base64({ alg: "none" })}.${base64({ sub: first.userId, role: "owner", exp: 9_999_999_999 })}.`,
      "the stored form": "hmac:AAAAAAAAAAAAAAAAAAAAAAAAAAA",
      "an empty bearer": " ",
    },
  };
}

export const roleBelow = (role: Role): Role | undefined => roles[roles.indexOf(role) - 1];

const withToken = (token: string) => ({
  method: "GET",
  url: "http://127.0.0.1/",
  headers: { get: (name: string) => (name.toLowerCase() === "authorization" ? `Bearer ${token}` : null) },
});

const base64 = (value: object): string => btoa(JSON.stringify(value)).replaceAll("=", "");
async function claimIt(accounts: Accounts): Promise<{ token: string; userId: UserId }> {
  const link = await accounts.claimLink();
  if (!link) throw new Error("Somebody has claimed this installation: give the cast its owner.");
  const session = await accounts.claim(new URL(link).hash.slice(1), { email: "cast-owner@example.com", password }, caller);
  return { token: session.token, userId: session.user.id as UserId };
}

/** Time passes for these two only. */
async function expire(store: Store, user: UserId, key: string): Promise<void> {
  const db = store.tables<{ sessions: { user_id: string; expires_at: number }; api_keys: { id: string; expires_at: number | null } }>(
    "identity",
  );
  await store.batch([
    db
      .updateTable("sessions")
      .set({ expires_at: Date.now() - 1 })
      .where("user_id", "=", user),
    db
      .updateTable("api_keys")
      .set({ expires_at: Date.now() - 1 })
      .where("id", "=", key),
  ]);
}
