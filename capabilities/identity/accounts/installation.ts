/** Facts of the installation: whether it is claimed, the links that claim it, the credentials of the machines it runs on. */
import { Write, requireOneHere } from "@norns/kernel/database";
import { NornsError, conflict, forbidden } from "@norns/kernel/errors";
import { subject } from "@norns/kernel/events";
import type { Caller, NewPerson, SignedIn } from "./contract.ts";
import type { Room } from "./deps.ts";
import { accountEvent } from "./events.ts";
import { limitKeyOf, limits } from "./limits.ts";
import { openSession } from "./open-session.ts";
import { addPerson } from "./people.ts";
import { newToken, tokenHash } from "./secrets.ts";

const claimedFact = "claimed";
const claimLinks = "claim-link:";
const localCredentials = "local-credential:";
export const localTokenPrefix = "norns_local_";

export async function isClaimed(room: Room): Promise<boolean> {
  return (await room.rows.fact(claimedFact)) !== undefined;
}

/**
 * Every server that starts unclaimed prints a link of its own; all are good until one is used. The token stands behind
 * the hash of the address, where neither a proxy nor a log sees it.
 */
export async function claimLink(room: Room): Promise<string | null> {
  if (await isClaimed(room)) return null;
  const token = newToken();
  await room.store.batch([room.rows.insertFact(claimLinks + tokenHash("claim", token), "", room.clock.now())]);
  return `${room.publicUrl()}/claim#${token}`;
}

/**
 * The first person, the claim and the ownership of `default` are one write. Two who use a link at once both try to write
 * the one row that says "claimed"; one fails whole.
 */
export async function claim(room: Room, token: string, person: NewPerson, caller: Caller): Promise<SignedIn> {
  await room.limiter.take(limits.claim, limitKeyOf(caller.remoteAddress));
  if (await isClaimed(room)) throw alreadyClaimed();
  const link = claimLinks + tokenHash("claim", token);
  // Asked before the costly hash; asked again inside the write, where it counts.
  if (!(await room.rows.fact(link))) throw notTheLink();
  const passwordHash = await room.passwords.hash(person.password);
  const workspace = await room.workspaces.defaultWorkspace();
  const write = new Write();
  requireOneHere(write, room.store, room.rows.factRow(link));
  const made = addPerson(room, write, person, { passwordHash, isPlatformAdmin: true });
  write.add(room.rows.insertFact(claimedFact, made.id, room.clock.now()));
  write.add(room.rows.deleteFacts(claimLinks));
  room.workspaces.addOwner(write, workspace, made);
  const actor = { kind: "user", id: made.id, label: made.email } as const;
  room.audit.record(write, {
    workspace,
    actor,
    action: "accounts.claim",
    subject: subject("user", made.id),
    after: { email: made.email, platformAdmin: true },
    requestId: caller.requestId,
  });
  room.events.append(write, accountEvent(workspace, made.email, made.id, "account.claimed", `${made.email} claimed this installation.`));
  try {
    await write.commit(room.store);
  } catch (error) {
    if (error instanceof NornsError && (error.code === "unique_violation" || error.code === "guard_failed")) throw alreadyClaimed(error);
    throw error;
  }
  return await openSession(room, made, caller);
}

const alreadyClaimed = (cause?: unknown) =>
  conflict("already_claimed", "This installation has been claimed: sign in, or ask its administrator for an invitation.", { cause });
const notTheLink = () =>
  forbidden(
    "not_the_link",
    "This is not the one-time link of this installation. It is printed where the server was started; a restart prints a new one.",
  );

/** One a home, stored hashed. A new one ends the one before, in every process. */
export async function localCredential(room: Room, home: string): Promise<{ token: string }> {
  const token = newToken(localTokenPrefix);
  const workspace = await room.workspaces.defaultWorkspace();
  const write = new Write();
  write.add(room.rows.setFact(localCredentials + home, tokenHash("local", token), room.clock.now()));
  room.audit.record(write, {
    workspace,
    actor: { kind: "system", id: "norns", label: "norns" },
    action: "accounts.issueLocalCredential",
    subject: subject("installation", home),
  });
  room.revocations.revoke(write, ["system:local"]);
  await write.commit(room.store);
  return { token };
}

export async function isLocalCredential(room: Room, home: string, token: string): Promise<boolean> {
  const fact = await room.rows.fact(localCredentials + home);
  return fact !== undefined && fact.value === tokenHash("local", token);
}

/** Whether any home of this installation has this token. */
export async function findLocalCredential(room: Room, token: string): Promise<boolean> {
  return (await room.rows.factWithValue(localCredentials, tokenHash("local", token))) !== undefined;
}
