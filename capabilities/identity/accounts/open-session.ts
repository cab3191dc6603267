import { Write } from "@norns/kernel/database";
import { NornsError, bug, quota, unauthenticated } from "@norns/kernel/errors";
import type { Actor } from "@norns/kernel/actor";
import { subject } from "@norns/kernel/events";
import type { SessionId, UserId } from "@norns/kernel/ids";
import type { AuthRequest, Caller, Person, SignedIn } from "./contract.ts";
import type { Room } from "./deps.ts";
import { collect } from "./better-auth/collected-write.ts";
import { peerHeader, sessionLifeSeconds } from "./better-auth/auth.ts";
import { accountEvent } from "./events.ts";
import { limitKeyOf, limits } from "./limits.ts";
import { toPerson, toPersonAnswer } from "./people.ts";
import { tokenHash } from "./secrets.ts";

/** A wrong address and a wrong password are one answer, and take the same time. */
export async function signIn(room: Room, { email, password }: { email: string; password: string }, caller: Caller): Promise<SignedIn> {
  await room.limiter.take(limits.signIn, limitKeyOf(caller.remoteAddress));
  await room.limiter.take(limits.signInAccount, tokenHash("cache", email));
  const auth = await room.auth();
  const { result, write } = await collect({ actor: null, requestId: caller.requestId }, async () => {
    try {
      return await auth.api.signInEmail({ body: { email, password }, headers: headersOf(caller) });
    } catch (error) {
      throw toRefusal(error);
    }
  });
  await write.commit(room.store);
  const row = await room.rows.user(result.user.id as UserId);
  if (!row) throw unauthenticated("wrong_credentials", wrongCredentials);
  return toSignedIn(room, result.token, toPerson(row));
}

/** A session for somebody who has just been made known another way: by the claim or by an invitation. */
export async function openSession(room: Room, person: Person, caller: Caller): Promise<SignedIn> {
  const auth = await room.auth();
  const { internalAdapter } = await auth.$context;
  const { result, write } = await collect({ actor: null, requestId: caller.requestId }, async () => {
    // Read first: what is collected names the person by the address.
    await internalAdapter.findUserById(person.id);
    return await internalAdapter.createSession(person.id, false, { ipAddress: caller.remoteAddress, userAgent: caller.userAgent ?? "" });
  });
  await write.commit(room.store);
  return toSignedIn(room, result.token, person);
}

/** The session's row, its audit row, the event and the revocation in one write; its sockets close with it. */
export async function signOut(room: Room, actor: Actor | null, requestId?: string): Promise<void> {
  if (!actor?.session) return;
  await endSession(room, actor, actor.session, "accounts.signOut", requestId);
}

export async function endSession(room: Room, actor: Actor, session: SessionId, action: string, requestId?: string): Promise<void> {
  const workspace = await room.workspaces.defaultWorkspace();
  const user = actor.id as UserId;
  const write = new Write();
  write.add(room.rows.deleteSession(user, session));
  write.add(room.rows.forgetExpired(user, room.clock.now()));
  room.audit.record(write, { workspace, actor, action, subject: subject("user", user), before: { session }, requestId });
  room.events.append(write, accountEvent(workspace, actor.label, user, "account.session_ended", `A session of ${actor.label} was ended.`));
  room.revocations.revoke(write, [`session:${session}`]);
  await write.commit(room.store);
}

/** One of Better Auth's own paths. The caller's cookie has been turned into the actor before; it goes on as a bearer token. */
export async function handleAuth(
  room: Room,
  { request, remoteAddress, actor, requestId }: AuthRequest,
  token: string | undefined,
): Promise<Response> {
  const auth = await room.auth();
  const headers = new Headers(request.headers);
  for (const name of ["cookie", "authorization", "x-api-key", peerHeader]) headers.delete(name);
  headers.set(peerHeader, remoteAddress);
  if (token !== undefined) headers.set("authorization", `Bearer ${token}`);
  const body = request.method === "GET" || request.method === "HEAD" ? null : await request.text();
  const { pathname, search } = new URL(request.url);
  const inner = new Request(`${room.publicUrl()}${pathname}${search}`, { method: request.method, headers, body });
  const { result, write } = await collect({ actor, requestId }, () => auth.handler(inner));
  if (result.status < 400) await write.commit(room.store);
  const answer = new Response(result.body, result);
  // Cookies are set by our own routes, with our own attributes.
  answer.headers.delete("set-cookie");
  answer.headers.delete("set-auth-token");
  answer.headers.delete("access-control-expose-headers");
  return answer;
}

function toSignedIn(room: Room, token: string, person: Person): SignedIn {
  return { token, user: toPersonAnswer(person), expiresAt: room.clock.now() + sessionLifeSeconds * 1_000 };
}

const headersOf = (caller: Caller): Headers => {
  const headers = new Headers({ [peerHeader]: caller.remoteAddress });
  if (caller.userAgent) headers.set("user-agent", caller.userAgent.slice(0, 300));
  return headers;
};

const wrongCredentials = "The address or the password is wrong.";

/** Better Auth's own refusals as ours; what we threw inside (limits, the database) as it is. */
function toRefusal(error: unknown): unknown {
  if (error instanceof NornsError) return error;
  const status = (error as { statusCode?: unknown }).statusCode;
  if (status === 401 || status === 400 || status === 403) return unauthenticated("wrong_credentials", wrongCredentials);
  if (status === 429) return quota("rate_limited", "Too many tries. Wait a minute and try again.");
  return bug("sign_in_failed", "The sign-in could not be completed. The request id leads to the log line that says why.", { cause: error });
}
