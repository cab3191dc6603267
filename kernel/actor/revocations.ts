/**
 * What has been revoked, so that a cached actor and a live socket end with it. A revocation commits in the same batch as
 * the change that causes it (a session deleted, a member removed, a key revoked) and takes the next number of one
 * counter, so numbers are given in commit order and a reader that asks "after n" misses none.
 *
 * Two ways to learn of it: a request that uses a cached actor asks at most every `checkEveryMs` (no timer, an idle
 * server asks nothing); a live socket registers with `whenRevoked`, and while there is one, a loop asks. Either way
 * "revoked" means "refused" within a second in every process, and at once in the process that revoked.
 */
import { sql, type Kysely } from "kysely";
import type { Clock } from "../clock/index.ts";
import type { RoomMigrations, Slot, Store, Write } from "../database/index.ts";
import type { WorkspaceId } from "../ids/index.ts";
import type { Log } from "../log/index.ts";
import type { Actor } from "./index.ts";

/** `session:ses_…`, `user:usr_…`, `api-key:key_…`, `system:local`, `workspace:ws_…`. */
export type RevocationSubject = `${"session" | "user" | "api-key" | "system" | "workspace"}:${string}`;

export interface Revocations {
  /** Adds the revocation to the write. Call it last: it locks one row until the commit. */
  revoke(write: Write, subjects: readonly RevocationSubject[]): void;
  /**
   * Asks the database what is new when the last answer is older than `checkEveryMs`, and returns the number up to which
   * this process knows everything. Take it before reading an actor and keep it with the actor. Throws `unavailable`
   * when the database cannot say: a cached actor is then not to be used.
   */
  upTo(): Promise<number>;
  /** True when the last answer is young enough; then `upTo` costs nothing and may be skipped. */
  isFresh(): boolean;
  /** Notes that `actor` was read when everything up to `known` was known. Once, right after it was read. */
  note(actor: Actor, known: number): void;
  /** Whether a noted actor has been revoked since, as far as this process knows. */
  isRevoked(actor: Actor): boolean;
  /**
   * Calls `close` once when the actor is revoked, from this process or another (at once when it already is). Returns the
   * way to stop listening: a socket calls it when it ends by itself.
   */
  whenRevoked(actor: Actor, close: (subject: RevocationSubject) => void): () => void;
  /** Every revocation this process learns of. Does not by itself keep the loop going. */
  onRevoked(callback: (subject: RevocationSubject) => void): () => void;
  /** Ends the loop. Harmless to repeat. */
  close(): Promise<void>;
}

export interface RevocationsDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  /** How old the last answer may be. */
  readonly checkEveryMs?: number;
}

interface Tables {
  revocation_counter: { id: number; n: number };
  revocations: { n: number; subjects: string; at: number };
}

/** Rows older than this are of no use: no cached actor and no socket that asks every second is as old. */
const keepMs = 24 * 3_600_000;
/** How long a subject is remembered in memory. Longer than any actor is cached. */
const rememberMs = 120_000;

/** All whose revocation ends this actor: its session or key, its person, and the workspaces it may act in. */
export function revocationSubjects(actor: Actor): RevocationSubject[] {
  return [
    ...(actor.session ? [`session:${actor.session}` as const] : []),
    actor.kind === "user" ? `user:${actor.id}` : actor.kind === "api-key" ? `api-key:${actor.id}` : `system:${actor.id}`,
    ...(actor.issuer ? [`user:${actor.issuer}` as const] : []),
    ...(Object.keys(actor.roles) as WorkspaceId[]).map((workspace) => `workspace:${workspace}` as const),
  ];
}

export function createRevocations({ store, clock, log, checkEveryMs = 500 }: RevocationsDeps): Revocations {
  const db = store.tables<Tables>("kernel");
  const revokedAt = new Map<RevocationSubject, { n: number; at: number }>();
  const watchers = new Map<RevocationSubject, Set<(subject: RevocationSubject) => void>>();
  const listeners = new Set<(subject: RevocationSubject) => void>();
  const knownAt = new WeakMap<Actor, number>();
  const stop = new AbortController();
  let last: number | undefined;
  let askedAt: number | undefined;
  let asking: Promise<number> | undefined;
  /** The highest number heard of from this process's own writes; what is known is asked for until it reaches it. */
  let heardOf = 0;
  let loop: Promise<void> | undefined;

  const learn = (subject: RevocationSubject, n: number): void => {
    const known = revokedAt.get(subject);
    heardOf = Math.max(heardOf, n);
    if (known && known.n >= n) return;
    revokedAt.set(subject, { n, at: clock.now() });
    for (const listener of listeners) listener(subject);
    const watching = watchers.get(subject);
    watchers.delete(subject);
    for (const close of watching ?? []) close(subject);
  };

  const revokedSubject = (actor: Actor): RevocationSubject | undefined => {
    const known = knownAt.get(actor);
    if (known === undefined) return undefined;
    return revocationSubjects(actor).find((subject) => (revokedAt.get(subject)?.n ?? 0) > known);
  };

  const forget = (now: number): void => {
    for (const [subject, { at }] of revokedAt) {
      if (now - at < rememberMs) break;
      revokedAt.delete(subject);
    }
  };

  const ask = async (): Promise<number> => {
    const startedAt = clock.now();
    if (last === undefined) {
      const row = await db.selectFrom("revocation_counter").select("n").where("id", "=", 1).executeTakeFirst();
      last = row?.n ?? 0;
    } else {
      const rows = await db.selectFrom("revocations").select(["n", "subjects"]).where("n", ">", last).orderBy("n").execute();
      for (const row of rows) {
        for (const subject of JSON.parse(row.subjects) as RevocationSubject[]) learn(subject, row.n);
        last = row.n;
      }
      forget(clock.now());
    }
    askedAt = startedAt;
    return last;
  };

  const isFresh = (): boolean => {
    if (askedAt === undefined || last === undefined || last < heardOf) return false;
    const age = clock.now() - askedAt;
    return age >= 0 && age < checkEveryMs;
  };

  const upTo = async (): Promise<number> => {
    if (isFresh()) return last!;
    let known = await (asking ??= ask().finally(() => (asking = undefined)));
    // The question may have been on its way when a revocation of our own committed.
    while (known < heardOf) known = await (asking ??= ask().finally(() => (asking = undefined)));
    return known;
  };

  const watch = async (): Promise<void> => {
    let wasAway = false;
    while (watchers.size > 0 && !stop.signal.aborted) {
      try {
        await clock.sleep(checkEveryMs, stop.signal);
        await upTo();
        if (wasAway) log.info({}, "The revocations can be read again.");
        wasAway = false;
      } catch (error) {
        if (stop.signal.aborted) return;
        // The loop goes on: the database that cannot be read can also not be told of a revocation.
        if (!wasAway) log.warn({ error }, "The revocations cannot be read; asking again.");
        wasAway = true;
      }
    }
  };

  const keepWatching = (): void => {
    loop ??= watch().finally(() => {
      loop = undefined;
      if (watchers.size > 0 && !stop.signal.aborted) keepWatching();
    });
  };

  return {
    revoke(write, subjects) {
      if (subjects.length === 0) return;
      const at = clock.now();
      write.add(db.deleteFrom("revocations").where("at", "<", at - keepMs));
      const slot: Slot<{ n: number }> = write.add(
        db
          .updateTable("revocation_counter")
          .set((eb) => ({ n: eb("n", "+", 1) }))
          .where("id", "=", 1)
          .returning("n"),
      );
      write.add(
        db
          .insertInto("revocations")
          .columns(["n", "subjects", "at"])
          .expression((eb) =>
            eb
              .selectFrom("revocation_counter")
              .select([
                "n",
                sql<string>`cast(${JSON.stringify(subjects)} as text)`.as("subjects"),
                sql<number>`cast(${at} as bigint)`.as("at"),
              ])
              .where("id", "=", 1),
          ),
      );
      write.afterCommit(() => {
        const n = slot.rows[0]?.n;
        if (n !== undefined) for (const subject of subjects) learn(subject, n);
      });
    },
    upTo,
    isFresh,
    note: (actor, known) => void knownAt.set(actor, known),
    isRevoked: (actor) => revokedSubject(actor) !== undefined,
    whenRevoked(actor, close) {
      const already = revokedSubject(actor);
      if (already) {
        close(already);
        return () => {};
      }
      const subjects = revocationSubjects(actor);
      const stopListening = (): void => {
        for (const subject of subjects) {
          const watching = watchers.get(subject);
          watching?.delete(once);
          if (watching?.size === 0) watchers.delete(subject);
        }
      };
      const once = (subject: RevocationSubject): void => {
        stopListening();
        close(subject);
      };
      for (const subject of subjects) {
        const watching = watchers.get(subject) ?? new Set();
        watching.add(once);
        watchers.set(subject, watching);
      }
      keepWatching();
      return stopListening;
    },
    onRevoked(callback) {
      listeners.add(callback);
      return () => listeners.delete(callback);
    },
    async close() {
      stop.abort();
      await loop;
    },
  };
}

export const revocationMigrations: RoomMigrations = {
  schema: "kernel",
  room: "kernel/actor",
  migrations: [
    {
      id: "0001-revocations",
      statements: (db) => [
        db.schema
          .createTable("revocation_counter")
          .addColumn("id", "integer", (column) => column.primaryKey())
          .addColumn("n", "bigint", (column) => column.notNull()),
        (db as Kysely<Tables>).insertInto("revocation_counter").values({ id: 1, n: 0 }),
        db.schema
          .createTable("revocations")
          .addColumn("n", "bigint", (column) => column.primaryKey())
          .addColumn("subjects", "text", (column) => column.notNull())
          .addColumn("at", "bigint", (column) => column.notNull()),
      ],
    },
  ],
};
