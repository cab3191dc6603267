import type { Actor } from "@norns/kernel/actor";
import { Write, requireOneHere } from "@norns/kernel/database";
import { NornsError, conflict, invalid, notFound, unauthenticated } from "@norns/kernel/errors";
import { subject } from "@norns/kernel/events";
import type { SessionId, UserId } from "@norns/kernel/ids";
import type { Caller, SessionAnswer } from "./contract.ts";
import type { Room } from "./deps.ts";
import { accountEvent } from "./events.ts";
import { limits } from "./limits.ts";
import { endSession } from "./open-session.ts";
import { getPerson } from "./people.ts";

export async function listSessions(room: Room, actor: Actor): Promise<SessionAnswer[]> {
  const rows = await room.rows.sessionsOf(actor.id as UserId, room.clock.now());
  return rows.map((row) => ({
    id: row.id,
    current: row.id === actor.session,
    created_at: row.created_at,
    expires_at: row.expires_at,
    ip_address: row.ip_address || null,
    user_agent: row.user_agent || null,
  }));
}

/** One of the person's own; another person's session does not exist for them. */
export async function revokeSession(room: Room, actor: Actor, session: SessionId, requestId?: string): Promise<void> {
  const found = await room.rows.sessionById(session);
  if (!found || found.id !== actor.id) throw notFound("session_not_found", "You have no such session.");
  await endSession(room, actor, session, "accounts.revokeSession", requestId);
}

export async function revokeOtherSessions(room: Room, actor: Actor, requestId?: string): Promise<number> {
  const workspace = await room.workspaces.defaultWorkspace();
  const write = new Write();
  const others = await endOthers(room, write, actor);
  if (others.length === 0) return 0;
  room.audit.record(write, {
    workspace,
    actor,
    action: "accounts.revokeSessions",
    subject: subject("user", actor.id),
    before: { sessions: others },
    requestId,
  });
  room.events.append(
    write,
    accountEvent(
      workspace,
      actor.label,
      actor.id,
      "account.sessions_revoked",
      `${actor.label} ended ${others.length} other session${others.length === 1 ? "" : "s"}.`,
    ),
  );
  room.revocations.revoke(
    write,
    others.map((id) => `session:${id}` as const),
  );
  await write.commit(room.store);
  return others.length;
}

/** The new password and the end of every other session are one write: no session outlives the password it was opened with. */
export async function changePassword(
  room: Room,
  actor: Actor,
  { currentPassword, newPassword }: { currentPassword: string; newPassword: string },
  caller: Caller,
): Promise<void> {
  const person = await getPerson(room, actor);
  await room.limiter.take(limits.password, person.id);
  const stored = await room.rows.passwordOf(person.id);
  if (!stored?.password) throw invalid("no_password", "This account has no password: it signs in another way.");
  if (!(await room.passwords.verify({ hash: stored.password, password: currentPassword })))
    throw unauthenticated("wrong_password", "The current password is wrong.");
  const hash = await room.passwords.hash(newPassword);
  const workspace = await room.workspaces.defaultWorkspace();
  const write = new Write();
  write.add(room.rows.setPassword(person.id, stored.password, hash, room.clock.now()));
  requireOneHere(write, room.store, room.rows.hasPassword(person.id, hash));
  const others = await endOthers(room, write, actor);
  room.audit.record(write, {
    workspace,
    actor,
    action: "accounts.changePassword",
    subject: subject("user", person.id),
    after: { endedSessions: others.length },
    requestId: caller.requestId,
  });
  room.events.append(
    write,
    accountEvent(workspace, actor.label, person.id, "account.password_changed", `${person.email} changed their password.`),
  );
  // The person, not a list of sessions: one opened while this ran ends too. The own session is looked up anew.
  room.revocations.revoke(write, [`user:${person.id}`]);
  try {
    await write.commit(room.store);
  } catch (error) {
    if (error instanceof NornsError && error.code === "guard_failed")
      throw conflict("password_changed", "The password was changed by another session just now. Nothing was changed by this one.", {
        cause: error,
      });
    throw error;
  }
}

/** The list is for the trail and the followers. */
async function endOthers(room: Room, write: Write, actor: Actor): Promise<string[]> {
  const sessions = await room.rows.sessionsOf(actor.id as UserId, room.clock.now());
  write.add(room.rows.deleteSessionsBut(actor.id as UserId, actor.session ?? ""));
  return sessions.map((row) => row.id).filter((id) => id !== actor.session);
}
