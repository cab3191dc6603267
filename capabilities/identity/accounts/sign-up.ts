import type { Actor, Role } from "@norns/kernel/actor";
import { Write } from "@norns/kernel/database";
import { NornsError, conflict, forbidden, notFound } from "@norns/kernel/errors";
import { subject } from "@norns/kernel/events";
import type { PendingInvitation } from "@norns/capabilities/identity/workspaces";
import type { Caller, NewPerson, Person, SignedIn } from "./contract.ts";
import type { Room } from "./deps.ts";
import { accountEvent } from "./events.ts";
import { isClaimed } from "./installation.ts";
import { limitKeyOf, limits } from "./limits.ts";
import { openSession } from "./open-session.ts";
import { addPerson, getPerson, toAddressTaken, toPerson } from "./people.ts";

/** Person, password, membership and the used-up invitation are one write. */
export async function signUp(room: Room, person: NewPerson & { invitation?: string | undefined }, caller: Caller): Promise<SignedIn> {
  await room.limiter.take(limits.signUp, limitKeyOf(caller.remoteAddress));
  const invitation = await admit(room, person);
  if (await room.rows.userByEmail(person.email)) throw emailTaken(person.email);
  const passwordHash = await room.passwords.hash(person.password);
  const made = await commitPerson(room, person, invitation ? [invitation] : [], passwordHash, caller.requestId);
  return await openSession(room, made, caller);
}

/** Who may make an account: nobody before the claim, the invited after it, anybody where the operator said so. */
async function admit(
  room: Room,
  { email, invitation: token }: { email: string; invitation?: string | undefined },
): Promise<PendingInvitation | undefined> {
  if (!(await isClaimed(room)))
    throw forbidden(
      "not_claimed",
      "This installation has not been claimed yet. Use the one-time link printed where the server was started.",
    );
  if (token !== undefined) {
    const invitation = await room.workspaces.findInvitation(token);
    if (!invitation) throw invitationGone();
    if (invitation.email !== email)
      throw forbidden("invitation_for_another", "This invitation is for another address: sign up with the one it was sent to.");
    return invitation;
  }
  if (!room.modes.openSignUp) throw forbidden("SIGNUP_DISABLED", "Accounts are made by invitation here: ask an administrator for one.");
  return undefined;
}

/** A person whom Cloudflare Access vouches for and who is invited becomes a member by coming. */
export async function admitVouchedFor(room: Room, email: string): Promise<Person | null> {
  const invitations = await room.workspaces.findInvitationsTo(email);
  if (invitations.length === 0) return null;
  try {
    return await commitPerson(room, { email }, invitations, null);
  } catch (error) {
    if (!(error instanceof NornsError) || error.kind !== "conflict") throw error;
    // Two first requests at once: the other one made the person.
    const row = await room.rows.userByEmail(email);
    return row ? toPerson(row) : null;
  }
}

async function commitPerson(
  room: Room,
  person: Pick<NewPerson, "email" | "name">,
  invitations: readonly PendingInvitation[],
  passwordHash: string | null,
  requestId?: string,
): Promise<Person> {
  const workspace = await room.workspaces.defaultWorkspace();
  const write = new Write();
  const made = addPerson(room, write, person, { passwordHash });
  const actor = { kind: "user", id: made.id, label: made.email } as const;
  room.audit.record(write, {
    workspace,
    actor,
    action: "accounts.signUp",
    subject: subject("user", made.id),
    after: { email: made.email, name: made.name },
    requestId,
  });
  room.events.append(write, accountEvent(workspace, made.email, made.id, "account.created", `${made.email} has an account now.`));
  for (const invitation of invitations) room.workspaces.accept(write, invitation, made, requestId);
  try {
    await write.commit(room.store);
  } catch (error) {
    throw toInvitationGone(toAddressTaken(error, person.email));
  }
  return made;
}

export async function previewInvitation(
  room: Room,
  token: string,
  caller: Caller,
): Promise<{ email: string; role: Role; workspaceName: string; hasAccount: boolean } | null> {
  await room.limiter.take(limits.invitation, limitKeyOf(caller.remoteAddress));
  const invitation = await room.workspaces.findInvitation(token);
  if (!invitation) return null;
  const { email, role, workspaceName } = invitation;
  return { email, role, workspaceName, hasAccount: (await room.rows.userByEmail(email)) !== undefined };
}

/** By somebody who has an account already. Only the invited address may. */
export async function acceptInvitation(
  room: Room,
  actor: Actor,
  token: string,
  caller: Caller,
): Promise<{ workspaceId: string; role: Role }> {
  await room.limiter.take(limits.invitation, limitKeyOf(caller.remoteAddress));
  const person = await getPerson(room, actor);
  const invitation = await room.workspaces.findInvitation(token);
  if (!invitation) throw invitationGone();
  const write = new Write();
  room.workspaces.accept(write, invitation, person, caller.requestId);
  try {
    await write.commit(room.store);
  } catch (error) {
    throw toInvitationGone(error);
  }
  const roles = await room.workspaces.rolesOf(person.id);
  return { workspaceId: invitation.workspace, role: roles[invitation.workspace] ?? invitation.role };
}

const emailTaken = (email: string) => conflict("email_taken", `${email} has an account already: sign in instead.`);
const invitationGone = (cause?: unknown) =>
  notFound(
    "invitation_not_found",
    "This invitation is not good any more: it was used, taken back, or is older than seven days. Ask for a new one.",
    { cause },
  );

const toInvitationGone = (error: unknown): unknown =>
  error instanceof NornsError && error.code === "guard_failed" ? invitationGone(error) : error;
