import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { aDatabase, type TestDatabase } from "@norns/adapters/stores/testing";
import { systemClock } from "@norns/kernel/clock";
import { Write, type Store } from "@norns/kernel/database";
import { kernelMigrations, subject } from "@norns/kernel/events";
import { systemIdSource, type WorkspaceId } from "@norns/kernel/ids";
import { silentLog } from "@norns/kernel/log";
import { auditMigrations, createAudit, createSealer, type Audit } from "./index.ts";
import { csvHeading, toCsvLine } from "./csv.ts";
import { redact } from "./redact.ts";
import type { AuditTables } from "./tables.ts";

const workspace = "ws_a" as WorkspaceId;
const actor = { kind: "user", id: "usr_a", label: "ann@example.com" } as const;
const chainKey = "the key of this test";

describe("the audit trail", () => {
  let db: TestDatabase;
  let audit: Audit;
  beforeEach(async () => {
    db = await aDatabase([kernelMigrations, auditMigrations]);
    audit = createAudit({ store: db.store, clock: systemClock, ids: systemIdSource, chainKeys: [chainKey] });
  });
  afterEach(() => db.close());
  const sealer = (store: Store = db.store, key = chainKey, everyMs = 50) =>
    createSealer({ store, clock: systemClock, log: silentLog, chainKey: key, everyMs });
  const record = async (count: number): Promise<void> => {
    for (let index = 0; index < count; index++) {
      const write = new Write();
      audit.record(write, {
        workspace,
        actor,
        action: "apps.rename",
        subject: subject("app", `app-${index}`),
        before: { n: index },
        after: { n: index + 1 },
      });
      await write.commit(db.store);
    }
  };
  const tables = () => db.store.tables<AuditTables>("identity");

  it("is in the batch of the change: no change, no row", async () => {
    const write = new Write();
    audit.record(write, { workspace, actor, action: "apps.rename", subject: subject("app", "x") });
    write.add(tables().insertInto("audit_head").values({ id: 1, seq: 0, hash: "" }));
    await expect(write.commit(db.store)).rejects.toMatchObject({ code: "unique_violation" });
    expect((await audit.list({ limit: 10 })).rows).toEqual([]);
  });

  it("reports the unsealed tail, and seals it once although three seal while rows are written", async () => {
    await record(5);
    expect(await audit.verify()).toMatchObject({ ok: true, checked: 0, unsealed: 5 });
    const stop = new AbortController();
    const sealing = [sealer(), sealer(db.openStore()), sealer(db.openStore())].map((one) => one.run(stop.signal));
    await Promise.all([record(40), record(40)]);
    const at = Date.now();
    while ((await audit.verify()).unsealed > 0 && Date.now() - at < 3_000) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(Date.now() - at).toBeLessThan(1_000);
    stop.abort();
    await Promise.all(sealing);
    const verified = await audit.verify();
    expect(verified).toMatchObject({ ok: true, checked: 85, unsealed: 0, firstBroken: null });
    expect(verified.head.seq).toBe(85);
  });

  it("seals a row of its own server within a second, and asks the database for nothing while none comes", async () => {
    const sealing = sealer(db.openStore(), chainKey, 60_000);
    const own = createAudit({
      store: db.store,
      clock: systemClock,
      ids: systemIdSource,
      chainKeys: [chainKey],
      recorded: sealing.lookSoon,
    });
    const stop = new AbortController();
    const running = sealing.run(stop.signal);
    for (let round = 0; round < 3; round++) {
      const write = new Write();
      own.record(write, { workspace, actor, action: "apps.rename", subject: subject("app", "x") });
      await write.commit(db.store);
      const at = Date.now();
      while ((await own.verify()).unsealed > 0 && Date.now() - at < 3_000) await new Promise((resolve) => setTimeout(resolve, 20));
      expect(Date.now() - at).toBeLessThan(1_000);
    }
    stop.abort();
    await running;
  });

  it("names the first row that was changed, taken out, moved or cut off", async () => {
    await record(12);
    await sealer().sealNow();
    const tamper = async (name: string, change: () => Promise<unknown>, undo: () => Promise<unknown>, expected: object) => {
      await change();
      expect((await audit.verify()).firstBroken, name).toMatchObject(expected);
      await undo();
      expect(await audit.verify(), `${name}, undone`).toMatchObject({ ok: true });
    };
    const set = (seq: number, values: Partial<AuditTables["audit_row"]>) => () =>
      tables().updateTable("audit_row").set(values).where("seq", "=", seq).execute();
    const rows = await tables().selectFrom("audit_row").selectAll().orderBy("seq").execute();
    await tamper("actor", set(5, { actor_label: "bob@example.com" }), set(5, { actor_label: "ann@example.com" }), {
      seq: 5,
      reason: "changed",
    });
    await tamper("after", set(7, { after: '{"n":9}' }), set(7, { after: rows[6]!.after }), { seq: 7, reason: "changed" });
    await tamper("time", set(1, { at: 1 }), set(1, { at: rows[0]!.at }), { seq: 1, reason: "changed" });
    const remove = (seq: number) => () => tables().deleteFrom("audit_row").where("seq", "=", seq).execute();
    const insert = (seq: number) => () =>
      tables()
        .insertInto("audit_row")
        .values(rows[seq - 1]!)
        .execute();
    await tamper("middle", remove(6), insert(6), { seq: 6, reason: "missing" });
    await tamper("end", remove(12), insert(12), { seq: 12, reason: "truncated" });
    const forged = createSealer({ store: db.store, clock: systemClock, log: silentLog, chainKey: "another key" });
    await record(1);
    await forged.sealNow();
    expect((await audit.verify()).firstBroken).toMatchObject({ seq: 13, reason: "unknown_key" });
    const both = createAudit({ store: db.store, clock: systemClock, ids: systemIdSource, chainKeys: ["another key", chainKey] });
    expect(await both.verify()).toMatchObject({ ok: true, checked: 13 });
  });

  it("pages and filters without losing or repeating a row of one millisecond", async () => {
    const write = new Write();
    for (let index = 0; index < 25; index++)
      audit.record(write, { workspace, actor, action: index % 2 ? "a.odd" : "a.even", subject: subject("app", "x") });
    await write.commit(db.store);
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await audit.list({ workspace, limit: 4, cursor });
      seen.push(...page.rows.map((row) => row.id));
      cursor = page.cursor;
    } while (cursor);
    expect(new Set(seen).size).toBe(25);
    expect((await audit.list({ action: "a.odd", actor: "ann@example.com", limit: 100 })).rows).toHaveLength(12);
    expect((await audit.list({ workspace: "ws_b" as WorkspaceId, limit: 100 })).rows).toEqual([]);
    await expect(audit.list({ limit: 1, cursor: "1'; drop table audit_row" })).rejects.toMatchObject({ code: "invalid_cursor" });
  });
});

describe("what the trail shows", () => {
  it("[A3] hides secrets by name and by shape, at any depth", () => {
    const shown = JSON.stringify(
      redact({
        password: "p1",
        Token: "p2",
        nested: [{ api_key: "p3", apiKey: "p4", clientSecret: "p5", name: "kept" }],
        note: "nora_p6",
        header: "Bearer p7",
        passwordChanged: true,
        empty: null,
        long: "x".repeat(9_000),
      }),
    );
    expect(shown).not.toMatch(/p[1-7]/);
    expect(shown).toContain("kept");
    expect(shown.length).toBeLessThan(5_000);
  });

  it("never lets a value through under a secret's name", () => {
    fc.assert(
      fc.property(
        fc.constantFrom("password", "dbPassword", "secret", "token", "access_token", "private_key"),
        fc.string({ minLength: 1 }),
        (name, value) => {
          expect((redact({ deep: { [name]: value } }) as { deep: Record<string, string> }).deep[name]).toBe("[hidden]");
        },
      ),
    );
  });

  it("exports cells that a spreadsheet does not run", () => {
    const row = {
      id: "aud_1",
      seq: 1,
      at: 0,
      workspace: "ws",
      actor: { kind: "user", id: "u", label: '=HYPERLINK("http://evil")' },
      action: "a",
      subject: "s",
      before: null,
      after: { a: "1,2" },
      operation: null,
      requestId: null,
      hash: "h",
    };
    const line = toCsvLine(row as never);
    expect(line).toContain(`"'=HYPERLINK(""http://evil"")"`);
    expect(line).toContain(`"{""a"":""1,2""}"`);
    expect(csvHeading.split(",")).toHaveLength(14);
  });
});
