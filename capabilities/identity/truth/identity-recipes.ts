/** A fresh target for each identity route. The server's own test adds those of the other wings. */
import type { Actor } from "@norns/kernel/actor";
import type { WorkspaceId } from "@norns/kernel/ids";
import type { Cast, Doors } from "./cast.ts";
import type { Target, Trial } from "./every-route.ts";

const password = "a password of the cast";
const caller = { remoteAddress: "127.0.0.1", userAgent: "trial" };
let count = 0;
const anEmail = (): string => `target-${++count}-${crypto.randomUUID().slice(0, 8)}@example.com`;

export function identityRecipes({ accounts, workspaces, apiKeys }: Doors, cast: Cast): Trial["recipes"] {
  const at = `/api/workspaces/${cast.workspace}`;
  const owner = async (): Promise<Actor> =>
    (await accounts.resolveActor(
      { method: "GET", url: "http://x/", headers: { get: (name) => (name === "authorization" ? `Bearer ${cast.sessions.owner}` : null) } },
      { remoteAddress: "127.0.0.1" },
    ))!;
  const invited = async () => {
    const email = anEmail();
    return await workspaces.invite(await owner(), cast.workspace, { email, role: "viewer" });
  };
  const joined = async () => {
    const { email, token: invitation } = await invited();
    return await accounts.signUp({ email, password, invitation }, caller);
  };
  const key = async () => (await apiKeys.create(await owner(), cast.workspace, { label: "target", scopes: ["apps:read"] })).id;
  /** Known, not a member yet, and invited. */
  const guest = async (): Promise<Target & { path: string }> => {
    const { email, token: invitation } = await invited();
    const session = await accounts.signUp({ email, password, invitation }, caller);
    const other = (await workspaces.create(await owner(), "Target")).id as WorkspaceId;
    const again = await workspaces.invite(await owner(), other, { email, role: "viewer" });
    return { path: "", body: { token: again.token }, by: session.token };
  };

  return {
    "POST /api/auth/claim": () => ({
      path: "/api/auth/claim",
      body: { token: "A".repeat(43), email: anEmail(), password },
      alsoFine: [409],
    }),
    "POST /api/auth/signup": async () => ({ path: "/api/auth/signup", body: await signUpBody() }),
    "POST /api/auth/sign-up/email": async () => ({ path: "/api/auth/sign-up/email", body: await signUpBody() }),
    "POST /api/auth/login": async () => ({ path: "/api/auth/login", body: { email: (await joined()).user.email, password } }),
    "POST /api/auth/sign-in/email": async () => ({
      path: "/api/auth/sign-in/email",
      body: { email: (await joined()).user.email, password },
    }),
    "POST /api/auth/logout": async () => ({ path: "/api/auth/logout", by: (await joined()).token }),
    "POST /api/auth/sign-out": async () => ({ path: "/api/auth/sign-out", by: (await joined()).token }),
    "PATCH /api/auth/profile": () => ({ path: "/api/auth/profile", body: { name: `Name ${++count}` } }),
    "POST /api/auth/update-user": () => ({ path: "/api/auth/update-user", body: { name: `Name ${++count}` } }),
    "PATCH /api/auth/password": async () => ({
      path: "/api/auth/password",
      body: { currentPassword: password, newPassword: password },
      by: (await joined()).token,
    }),
    "POST /api/auth/tickets": () => ({ path: "/api/auth/tickets" }),
    "DELETE /api/auth/sessions": async () => ({ path: "/api/auth/sessions", by: (await joined()).token }),
    "DELETE /api/auth/sessions/{sessionId}": async () => {
      const { token } = await joined();
      const actor = (await accounts.resolveActor(
        { method: "GET", url: "http://x/", headers: { get: (name) => (name === "authorization" ? `Bearer ${token}` : null) } },
        { remoteAddress: "127.0.0.1" },
      ))!;
      return { path: `/api/auth/sessions/${actor.session!}`, by: token, another: [404] };
    },
    "POST /api/auth/session-upgrade": () => ({ path: "/api/auth/session-upgrade" }),
    "POST /api/invitations/preview": () => ({ path: "/api/invitations/preview", body: { token: "A".repeat(43) } }),
    "POST /api/invitations/accept": async () => ({
      ...(await guest()),
      path: "/api/invitations/accept",
      another: [403, "invitation_for_another"],
    }),
    "POST /api/workspaces/invitations/accept": async () => ({
      ...(await guest()),
      path: "/api/workspaces/invitations/accept",
      another: [403, "invitation_for_another"],
    }),

    "POST /api/workspaces": () => ({ path: "/api/workspaces", body: { name: "Target" } }),
    "GET /api/workspaces/{workspaceId}": () => ({ path: at }),
    "PATCH /api/workspaces/{workspaceId}": () => ({ path: at, body: { name: "Default" } }),
    // `default` is never deleted: being let in shows as its conflict.
    "DELETE /api/workspaces/{workspaceId}": () => ({ path: at, alsoFine: [409] }),
    "GET /api/workspaces/{workspaceId}/members": () => ({ path: `${at}/members` }),
    "PATCH /api/workspaces/{workspaceId}/members/{userId}": async () => ({
      path: `${at}/members/${(await joined()).user.id}`,
      body: { role: "editor" },
    }),
    "DELETE /api/workspaces/{workspaceId}/members/{userId}": async () => ({ path: `${at}/members/${(await joined()).user.id}` }),
    "GET /api/workspaces/{workspaceId}/invitations": () => ({ path: `${at}/invitations` }),
    "POST /api/workspaces/{workspaceId}/invitations": () => ({ path: `${at}/invitations`, body: { email: anEmail(), role: "viewer" } }),
    "DELETE /api/workspaces/{workspaceId}/invitations/{invitationId}": async () => ({ path: `${at}/invitations/${(await invited()).id}` }),
    "GET /api/workspaces/{workspaceId}/api-keys": () => ({ path: `${at}/api-keys` }),
    "GET /api/workspaces/{workspaceId}/api-keys/scopes": () => ({ path: `${at}/api-keys/scopes` }),
    "POST /api/workspaces/{workspaceId}/api-keys": () => ({ path: `${at}/api-keys`, body: { label: "target", scopes: ["apps:read"] } }),
    "DELETE /api/workspaces/{workspaceId}/api-keys/{keyId}": async () => ({ path: `${at}/api-keys/${await key()}` }),
  };

  async function signUpBody() {
    const { email, token: invitation } = await invited();
    return { email, password, invitation };
  }
}
