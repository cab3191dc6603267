import type { Kysely } from "kysely";
import { isOneOf, type Store } from "@norns/kernel/database";
import type { SessionId, UserId } from "@norns/kernel/ids";
import type { AccountTables } from "./tables.ts";

/** Our own queries on the room's tables; Better Auth's go through `better-auth/adapter.ts`. */
export function createAccountStore(store: Store) {
  const db: Kysely<AccountTables> = store.tables<AccountTables>("identity");
  const sessionsWithPeople = db
    .selectFrom("sessions")
    .innerJoin("users", "users.id", "sessions.user_id")
    .select(["sessions.id as session", "sessions.expires_at", "users.id", "users.email", "users.is_platform_admin"]);
  return {
    db,
    sessionByHmac: (hmac: string) => sessionsWithPeople.where("sessions.token_hmac", "=", hmac).executeTakeFirst(),
    sessionById: (id: SessionId) => sessionsWithPeople.where("sessions.id", "=", id).executeTakeFirst(),
    sessionsOf: (user: UserId, now: number) =>
      db
        .selectFrom("sessions")
        .selectAll()
        .where("user_id", "=", user)
        .where("expires_at", ">", now)
        .orderBy("created_at", "desc")
        .orderBy("id", "desc")
        .execute(),
    deleteSession: (user: UserId, id: SessionId) => db.deleteFrom("sessions").where("id", "=", id).where("user_id", "=", user),
    deleteSessionsBut: (user: UserId, kept: SessionId | "") =>
      db.deleteFrom("sessions").where("user_id", "=", user).where("id", "!=", kept),
    forgetExpired: (user: UserId, now: number) => db.deleteFrom("sessions").where("user_id", "=", user).where("expires_at", "<", now),

    user: (id: UserId) => db.selectFrom("users").selectAll().where("id", "=", id).executeTakeFirst(),
    userByEmail: (email: string) => db.selectFrom("users").selectAll().where("email", "=", email).executeTakeFirst(),
    async users(ids: readonly UserId[]) {
      if (ids.length === 0) return [];
      return db.selectFrom("users").selectAll().where(isOneOf(store, ids)).execute();
    },
    insertUser: (row: AccountTables["users"]) => db.insertInto("users").values(row),
    insertCredential: (row: AccountTables["credentials"]) => db.insertInto("credentials").values(row),
    setName: (id: UserId, name: string, at: number) => db.updateTable("users").set({ name, updated_at: at }).where("id", "=", id),
    passwordOf: (user: UserId) =>
      db
        .selectFrom("credentials")
        .select(["id", "password"])
        .where("user_id", "=", user)
        .where("provider_id", "=", "credential")
        .executeTakeFirst(),
    setPassword: (user: UserId, from: string, to: string, at: number) =>
      db
        .updateTable("credentials")
        .set({ password: to, updated_at: at })
        .where("user_id", "=", user)
        .where("provider_id", "=", "credential")
        .where("password", "=", from),
    hasPassword: (user: UserId, password: string) =>
      db
        .selectFrom("credentials")
        .select("id")
        .where("user_id", "=", user)
        .where("provider_id", "=", "credential")
        .where("password", "=", password),

    fact: (name: string) => db.selectFrom("installation").selectAll().where("name", "=", name).executeTakeFirst(),
    factWithValue: (prefix: string, value: string) =>
      db.selectFrom("installation").select("name").where("name", "like", `${prefix}%`).where("value", "=", value).executeTakeFirst(),
    factRow: (name: string) => db.selectFrom("installation").select("name").where("name", "=", name),
    insertFact: (name: string, value: string, at: number) => db.insertInto("installation").values({ name, value, at }),
    setFact: (name: string, value: string, at: number) =>
      db
        .insertInto("installation")
        .values({ name, value, at })
        .onConflict((on) => on.column("name").doUpdateSet({ value, at })),
    deleteFacts: (prefix: string) => db.deleteFrom("installation").where("name", "like", `${prefix}%`),

    insertTicket: (row: AccountTables["socket_tickets"]) => db.insertInto("socket_tickets").values(row),
    forgetSessions: (before: number) => db.deleteFrom("sessions").where("expires_at", "<", before),
    forgetVerifications: (before: number) => db.deleteFrom("verifications").where("expires_at", "<", before),
    forgetTickets: (before: number) => db.deleteFrom("socket_tickets").where("expires_at", "<", before),
    /** Taken out and told in one statement: of two who bring the same ticket one gets it. */
    takeTicket: (hash: string) => db.deleteFrom("socket_tickets").where("hash", "=", hash).returning(["bearer", "expires_at"]),
  };
}
export type AccountStore = ReturnType<typeof createAccountStore>;
