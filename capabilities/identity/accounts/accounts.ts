import { createAccountStore } from "./store.ts";
import { createActorCache } from "./actor-cache.ts";
import { createCfAccess } from "./cf-access.ts";
import { createConsequences } from "./better-auth/consequences.ts";
import { loadAuth, type Auth } from "./better-auth/auth.ts";
import type { Accounts } from "./contract.ts";
import type { AccountsDeps, Room } from "./deps.ts";
import { claim, claimLink, isClaimed, isLocalCredential, localCredential } from "./installation.ts";
import { changePassword, listSessions, revokeOtherSessions, revokeSession } from "./manage-sessions.ts";
import { handleAuth, signIn, signOut } from "./open-session.ts";
import { createPasswords } from "./password.ts";
import { changeName, findPeople, getPerson } from "./people.ts";
import { resolveActor, sessionTokenOf, type Resolver } from "./resolve-actor.ts";
import { deriveSecret } from "./secrets.ts";
import { acceptInvitation, previewInvitation, signUp } from "./sign-up.ts";
import { issueTicket } from "./tickets.ts";

export function createAccounts(deps: AccountsDeps): Accounts {
  const room = createRoom(deps);
  const { revocations, modes } = deps;
  const resolver: Resolver = {
    room,
    cache: createActorCache({ revocations, clock: deps.clock, keepMs: deps.actorCacheMs ?? 5_000 }),
    cfAccess: modes.cfAccess && createCfAccess({ ...modes.cfAccess, fetch: deps.outboundFetch, clock: deps.clock }),
  };
  let isKnownClaimed = false;

  return {
    resolveActor: (request, { remoteAddress }) => resolveActor(resolver, request, remoteAddress),
    whenRevoked: (actor, close) => revocations.whenRevoked(actor, close),
    onRevoked: (callback) => revocations.onRevoked(callback),
    handleAuth: (request) => handleAuth(room, request, sessionTokenOf(room, request.request)),
    claimLink: () => claimLink(room),
    async isClaimed() {
      // Never unclaimed again, so the answer yes is kept.
      return (isKnownClaimed ||= await isClaimed(room));
    },
    isSignUpOpen: modes.openSignUp,
    isSecure: room.isSecure,
    claim: (token, person, caller) => claim(room, token, person, caller),
    localCredential: (home) => localCredential(room, home),
    isLocalCredential: (home, token) => isLocalCredential(room, home, token),
    signUp: (person, caller) => signUp(room, person, caller),
    signIn: (given, caller) => signIn(room, given, caller),
    signOut: (actor, requestId) => signOut(room, actor, requestId),
    previewInvitation: (token, caller) => previewInvitation(room, token, caller),
    acceptInvitation: (actor, token, caller) => acceptInvitation(room, actor, token, caller),
    getPerson: (actor) => getPerson(room, actor),
    changeName: (actor, name, requestId) => changeName(room, actor, name, requestId),
    changePassword: (actor, passwords, caller) => changePassword(room, actor, passwords, caller),
    issueTicket: (actor) => issueTicket(room, actor),
    listSessions: (actor) => listSessions(room, actor),
    revokeSession: (actor, session, requestId) => revokeSession(room, actor, session, requestId),
    revokeOtherSessions: (actor, requestId) => revokeOtherSessions(room, actor, requestId),
    findPeople: (ids) => findPeople(room, ids),
    async forgetExpired() {
      const now = deps.clock.now();
      await room.store.batch([room.rows.forgetSessions(now), room.rows.forgetVerifications(now), room.rows.forgetTickets(now)]);
    },
    close: () => revocations.close(),
  };
}

function createRoom(deps: AccountsDeps): Room {
  const { store, audit, events, revocations, workspaces, clock, ids, log, secret } = deps;
  const passwords = createPasswords();
  const sessionSecret = deriveSecret(secret, "sessions");
  let loading: Promise<Auth> | undefined;

  const load = async (): Promise<Auth> =>
    await loadAuth({
      store,
      clock,
      ids,
      log,
      passwords,
      secret: deriveSecret(secret, "better-auth"),
      sessionSecret,
      publicUrl: deps.publicUrl(),
      consequences: createConsequences({ audit, events, revocations, workspace: await workspaces.defaultWorkspace() }),
    });

  return {
    ...deps,
    rows: createAccountStore(store),
    passwords,
    sessionSecret,
    auth() {
      loading ??= load().catch((error: unknown) => {
        // The database may have been away: the next one to sign in tries again.
        loading = undefined;
        throw error;
      });
      return loading;
    },
    isSecure(request) {
      if (request.url.startsWith("https:")) return true;
      const url = deps.publicUrl();
      return url.startsWith("https:") && new URL(url).host === request.headers.get("host")?.toLowerCase();
    },
  };
}
