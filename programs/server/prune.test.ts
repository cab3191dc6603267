import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createIdentity, identityMigrations, type Identity } from "@norns/capabilities/identity";
import { aDatabase, type TestDatabase } from "@norns/adapters/stores/testing";
import { systemClock, type Clock } from "@norns/kernel/clock";
import { Write } from "@norns/kernel/database";
import { createEvents, kernelMigrations, subject, type EventLog } from "@norns/kernel/events";
import { httpMigrations } from "@norns/kernel/http";
import { systemIdSource } from "@norns/kernel/ids";
import { silentLog } from "@norns/kernel/log";
import { prune, pruneDaily } from "./prune.ts";

const dayMs = 24 * 3_600_000;

describe("pruning", () => {
  let db: TestDatabase;
  let events: EventLog;
  let identity: Identity;
  let now = Date.now();
  /** Now can be moved; a sleep is noted, moves it, and is over. */
  const slept: number[] = [];
  const clock: Clock = {
    now: () => now,
    sleep: async (ms, signal) => {
      signal?.throwIfAborted();
      slept.push(ms);
      now += ms;
    },
  };
  beforeAll(async () => {
    db = await aDatabase([kernelMigrations, httpMigrations, ...identityMigrations]);
    events = createEvents({ store: db.store, clock });
    identity = createIdentity({
      store: db.store,
      events,
      limiter: { take: async () => {} },
      outboundFetch: () => Promise.reject(new Error("no network in this test")),
      clock: { ...systemClock, now: () => now },
      ids: systemIdSource,
      log: silentLog,
      config: {
        open: false,
        apiToken: undefined,
        cfAccess: undefined,
        openSignUp: false,
        bindAddress: "127.0.0.1",
        publicUrl: () => "http://127.0.0.1:8800",
        secret: "a secret of this test, at least 32 characters",
      },
    });
    await identity.prepare();
  });
  afterAll(async () => {
    await identity.close();
    await db.close();
  });

  const say = async (message: string) => {
    const write = new Write();
    events.append(write, {
      workspace: await identity.workspaces.defaultWorkspace(),
      subject: subject("app", "hello"),
      category: "test",
      action: "said",
      message,
      actor: "test",
    });
    await write.commit(db.store);
  };
  const messages = async () => (await events.list({ limit: 50, order: "asc", category: "test" })).events.map(({ message }) => message);
  const counted = async (table: "sessions" | "socket_tickets") =>
    Number(
      (
        await db.store
          .tables<Record<string, object>>("identity")
          .selectFrom(table)
          .select((of) => of.fn.countAll<number>().as("count"))
          .executeTakeFirstOrThrow()
      ).count,
    );

  it("forgets events after their days, and sessions and tickets that have expired", async () => {
    const caller = { remoteAddress: "127.0.0.1", userAgent: null, requestId: "req_1" };
    const link = new URL((await identity.accounts.claimLink())!).hash.slice(1);
    const { token } = await identity.accounts.claim(link, { email: "ann@example.com", password: "correct horse battery" }, caller);
    const request = { method: "GET", url: "http://127.0.0.1:8800/", headers: new Headers({ authorization: `Bearer ${token}` }) };
    const actor = await identity.accounts.resolveActor(request, { remoteAddress: "127.0.0.1" });
    await identity.accounts.issueTicket(actor!);
    await say("old");
    const deps = { events, accounts: identity.accounts, keepEventsDays: 10, clock, log: silentLog };

    now += 6 * dayMs;
    await say("young");
    await prune(deps, new AbortController().signal);
    expect(await messages()).toEqual(["old", "young"]);
    expect([await counted("sessions"), await counted("socket_tickets")]).toEqual([1, 0]);

    now += 5 * dayMs;
    await prune(deps, new AbortController().signal);
    expect(await messages()).toEqual(["young"]);
    expect(await counted("sessions")).toBe(0);
  });

  it("does so soon after the start and daily, an hour later after a failure, until it is told to stop", async () => {
    const stop = new AbortController();
    const asked: number[] = [];
    const failing = {
      prune: async (before: number) => {
        asked.push(before);
        if (asked.length === 2) throw new Error("the database is away");
        if (asked.length === 4) stop.abort();
        return 0;
      },
    };
    slept.length = 0;
    const deps = { events: failing, accounts: identity.accounts, keepEventsDays: 1, clock, log: silentLog };
    await expect(pruneDaily(deps, stop.signal)).rejects.toThrow();
    expect(slept.map((ms) => ms / 60_000)).toEqual([5, 24 * 60, 60, 24 * 60]);
  });
});
