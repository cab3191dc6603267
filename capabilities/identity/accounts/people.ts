import type { Actor } from "@norns/kernel/actor";
import { Write } from "@norns/kernel/database";
import { NornsError, conflict, forbidden, notFound } from "@norns/kernel/errors";
import { subject } from "@norns/kernel/events";
import { newId, type UserId } from "@norns/kernel/ids";
import type { NewPerson, Person, PersonAnswer } from "./contract.ts";
import type { Room } from "./deps.ts";
import { accountEvent } from "./events.ts";
import type { AccountTables } from "./tables.ts";

export const toPerson = (row: AccountTables["users"]): Person => ({
  id: row.id as UserId,
  email: row.email,
  name: row.name,
  isPlatformAdmin: row.is_platform_admin === 1,
  createdAt: row.created_at,
});

export const toPersonAnswer = (person: Person): PersonAnswer => ({
  id: person.id,
  email: person.email,
  name: person.name,
  role: person.isPlatformAdmin ? "admin" : "user",
  created_at: person.createdAt,
});

/** Adds a new person to a write, with a password when there is one. The address is unique: a second one fails the commit. */
export function addPerson(
  room: Room,
  write: Write,
  { email, name }: Pick<NewPerson, "email" | "name">,
  { passwordHash, isPlatformAdmin = false }: { passwordHash: string | null; isPlatformAdmin?: boolean },
): Person {
  const now = room.clock.now();
  const id = newId("UserId", room.ids);
  const row: AccountTables["users"] = {
    id,
    name: name ?? email.slice(0, email.indexOf("@")),
    email,
    email_verified: 0,
    image: null,
    is_platform_admin: isPlatformAdmin ? 1 : 0,
    created_at: now,
    updated_at: now,
  };
  write.add(room.rows.insertUser(row));
  if (passwordHash !== null)
    write.add(
      room.rows.insertCredential({
        id: crypto.randomUUID(),
        user_id: id,
        account_id: id,
        provider_id: "credential",
        password: passwordHash,
        access_token: null,
        refresh_token: null,
        id_token: null,
        access_token_expires_at: null,
        refresh_token_expires_at: null,
        scope: null,
        created_at: now,
        updated_at: now,
      }),
    );
  return toPerson(row);
}

export async function getPerson(room: Room, actor: Actor): Promise<Person> {
  if (actor.kind !== "user") throw forbidden("session_required", "A key or token cannot do this: sign in as a person.");
  const row = await room.rows.user(actor.id as UserId);
  if (!row) throw notFound("person_not_found", "This account does not exist any more.");
  return toPerson(row);
}

export async function findPeople(room: Room, ids: readonly UserId[]): Promise<ReadonlyMap<UserId, Person>> {
  const rows = await room.rows.users([...new Set(ids)]);
  return new Map(rows.map((row) => [row.id as UserId, toPerson(row)]));
}

export async function changeName(room: Room, actor: Actor, name: string, requestId?: string): Promise<Person> {
  const person = await getPerson(room, actor);
  const workspace = await room.workspaces.defaultWorkspace();
  const write = new Write();
  write.add(room.rows.setName(person.id, name, room.clock.now()));
  room.audit.record(write, {
    workspace,
    actor,
    action: "accounts.updateProfile",
    subject: subject("user", person.id),
    before: { name: person.name },
    after: { name },
    requestId,
  });
  room.events.append(
    write,
    accountEvent(workspace, actor.label, person.id, "account.profile_changed", `${person.email} is now called ${name}.`),
  );
  await write.commit(room.store);
  return { ...person, name };
}

/** The conflict a person reads when an address is taken; any other failure as it is. */
export function toAddressTaken(error: unknown, email: string): unknown {
  if (error instanceof NornsError && error.code === "unique_violation")
    return conflict("email_taken", `${email} has an account already: sign in instead.`, { cause: error });
  return error;
}
