import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { aDatabase, type TestDatabase } from "@norns/adapters/stores/testing";
import { systemClock, type Clock } from "@norns/kernel/clock";
import { Write } from "@norns/kernel/database";
import type { SessionId, WorkspaceId } from "@norns/kernel/ids";
import { silentLog } from "@norns/kernel/log";
import {
  createRevocations,
  revocationMigrations,
  revocationSubjects,
  type Actor,
  type Revocations,
  type RevocationSubject,
} from "./index.ts";

const aPerson = (id: string, session = `ses_${id}`): Actor => ({
  kind: "user",
  id,
  label: `${id}@example.com`,
  via: "session",
  roles: { ["ws_a" as WorkspaceId]: "editor" },
  scopes: "all",
  isPlatformAdmin: false,
  homeWorkspace: "ws_a" as WorkspaceId,
  session: session as SessionId,
});

describe("revocations", () => {
  let db: TestDatabase;
  const opened: Revocations[] = [];
  /** Each as another process on the same database has it. */
  const aProcess = (clock: Clock = systemClock): Revocations => {
    const revocations = createRevocations({ store: db.openStore({ poolSize: 2 }), clock, log: silentLog });
    opened.push(revocations);
    return revocations;
  };
  beforeAll(async () => {
    db = await aDatabase([revocationMigrations]);
  });
  afterAll(async () => {
    await Promise.all(opened.map((one) => one.close()));
    await db.close();
  });
  const revoke = async (by: Revocations, ...subjects: RevocationSubject[]): Promise<void> => {
    const write = new Write();
    by.revoke(write, subjects);
    await write.commit(db.store);
  };

  it("names all that an actor stands on", () => {
    expect(revocationSubjects(aPerson("usr_1"))).toEqual(["session:ses_usr_1", "user:usr_1", "workspace:ws_a"]);
    expect(revocationSubjects({ ...aPerson("key_1"), kind: "api-key", session: undefined as never, issuer: "usr_1" })).toEqual([
      "api-key:key_1",
      "user:usr_1",
      "workspace:ws_a",
    ]);
  });

  it("is known at once where it was made, and leaves others alone", async () => {
    const here = aProcess();
    const [revoked, other] = [aPerson("usr_2"), aPerson("usr_3")];
    const known = await here.upTo();
    here.note(revoked, known);
    here.note(other, known);
    await revoke(here, "session:ses_usr_2");
    expect([here.isRevoked(revoked), here.isRevoked(other)]).toEqual([true, false]);
    // Read anew after the revocation, the same subject is good again (a role that changed, say).
    const again = aPerson("usr_2");
    here.note(again, await here.upTo());
    expect(here.isRevoked(again)).toBe(false);
  });

  it("[W3] closes what is live within a second, in another process too, and exactly once", async () => {
    const [here, there] = [aProcess(), aProcess()];
    const actor = aPerson("usr_4");
    there.note(actor, await there.upTo());
    const closed: string[] = [];
    const at = Date.now();
    const stopListening = there.whenRevoked(aPerson("usr_5"), () => closed.push("wrong one"));
    const told = new Promise<number>((resolve) => {
      there.whenRevoked(actor, (subject) => {
        closed.push(subject);
        resolve(Date.now() - at);
      });
    });
    await revoke(here, "user:usr_4", "session:ses_usr_4");
    expect(await told).toBeLessThan(1_000);
    expect(there.isRevoked(actor)).toBe(true);
    await revoke(here, "user:usr_4");
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect(closed).toHaveLength(1);
    stopListening();
  });

  it("[W3] closes at once what was revoked between being read and being registered", async () => {
    const here = aProcess();
    const actor = aPerson("usr_6");
    here.note(actor, await here.upTo());
    await revoke(here, "user:usr_6");
    const closed: string[] = [];
    here.whenRevoked(actor, (subject) => closed.push(subject));
    expect(closed).toEqual(["user:usr_6"]);
  });

  it("misses none of fifty that commit in any order", async () => {
    const [here, there] = [aProcess(), aProcess()];
    await there.upTo();
    const heard = new Set<string>();
    there.onRevoked((subject) => heard.add(subject));
    const keep = there.whenRevoked(aPerson("usr_none"), () => {});
    await Promise.all(
      Array.from({ length: 50 }, async (_, index) => {
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 300));
        await revoke(here, `api-key:key_${index}`);
      }),
    );
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    keep();
    expect([...heard].filter((subject) => subject.startsWith("api-key:key_"))).toHaveLength(50);
  });

  it("asks nothing while nobody asks, and does not trust a clock that was moved back", async () => {
    let now = 10_000_000_000_000;
    const moved = aProcess({ ...systemClock, now: () => now });
    await moved.upTo();
    expect(moved.isFresh()).toBe(true);
    now += 501;
    expect(moved.isFresh()).toBe(false);
    await moved.upTo();
    now -= 3_600_000;
    expect(moved.isFresh()).toBe(false);
  });

  it("lets nobody be believed while the database is away", async () => {
    const lost = db.openStore({ poolSize: 1 });
    const revocations = createRevocations({ store: lost, clock: systemClock, log: silentLog });
    await revocations.upTo();
    await lost.close();
    await new Promise((resolve) => setTimeout(resolve, 510));
    expect(revocations.isFresh()).toBe(false);
    await expect(revocations.upTo()).rejects.toMatchObject({ kind: "unavailable" });
  });
});
