import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { aDatabase } from "@norns/adapters/stores/testing";
import { createVault, ensureVaultKey, newEncryptionKey, parseEncryptionKey, vaultMigrations } from "./index.ts";

const aKey = () => parseEncryptionKey(newEncryptionKey());

describe("the vault", () => {
  test("it opens what it sealed, and only for the same place", () => {
    const vault = createVault({ key: aKey() });
    fc.assert(
      fc.property(
        fc.string({ unit: "binary" }).map((text) => text.toWellFormed()),
        fc.string(),
        fc.string(),
        (plain, context, other) => {
          const sealed = vault.seal(plain, context);
          expect(vault.open(sealed, context)).toBe(plain);
          if (other !== context) expect(() => vault.open(sealed, other)).toThrow(expect.objectContaining({ code: "vault_broken_seal" }));
        },
      ),
    );
  });

  test("it seals the same text differently each time", () => {
    const vault = createVault({ key: aKey() });
    expect(new Set(Array.from({ length: 50 }, () => vault.seal("x", "c"))).size).toBe(50);
  });

  test("it refuses a sealed text with any character changed, and what was never sealed", () => {
    const vault = createVault({ key: aKey() });
    const sealed = vault.seal("a secret", "c");
    for (let index = 0; index < sealed.length; index++) {
      const changed = sealed.slice(0, index) + (sealed[index] === "A" ? "B" : "A") + sealed.slice(index + 1);
      expect(() => vault.open(changed, "c"), String(index)).toThrow();
    }
    for (const text of ["", "n1", "n1..", "plain", `n1.${vault.keyId}.AAAA`])
      expect(() => vault.open(text, "c")).toThrow(expect.objectContaining({ code: "vault_broken_seal" }));
    expect(vault.isSealed(sealed)).toBe(true);
    expect(vault.isSealed("plain")).toBe(false);
  });

  test("it opens what earlier keys sealed, and moves it to the current one", () => {
    const [old, current] = [aKey(), aKey()];
    const sealed = createVault({ key: old }).seal("a secret", "c");
    const vault = createVault({ key: current, earlierKeys: [old] });
    expect(vault.open(sealed, "c")).toBe("a secret");
    const moved = vault.reseal(sealed, "c")!;
    expect(vault.reseal(moved, "c")).toBeUndefined();
    expect(createVault({ key: current }).open(moved, "c")).toBe("a secret");
    expect(() => createVault({ key: current }).open(sealed, "c")).toThrow(
      expect.objectContaining({ kind: "conflict", code: "vault_key_missing" }),
    );
  });

  test("[N4] it shows neither key nor secret in its errors", () => {
    const text = newEncryptionKey();
    const vault = createVault({ key: parseEncryptionKey(text) });
    const sealed = vault.seal("a secret", "c");
    for (const act of [
      () => vault.open(sealed, "d"),
      () => createVault({ key: aKey() }).open(sealed, "c"),
      () => parseEncryptionKey(`${text}0`),
    ]) {
      let thrown: unknown;
      try {
        act();
      } catch (error) {
        thrown = error;
      }
      const shown = `${String(thrown)} ${JSON.stringify(thrown)} ${String((thrown as Error).cause)}`;
      expect(shown).not.toMatch(/a secret/);
      expect(shown).not.toContain(text);
    }
  });

  test("it takes a key as hex, base64 and base64url, and nothing else", () => {
    const bytes = Buffer.from(newEncryptionKey(), "hex");
    for (const text of [
      bytes.toString("hex"),
      bytes.toString("base64"),
      bytes.toString("base64url"),
      ` ${bytes.toString("hex").toUpperCase()}\n`,
    ])
      expect(Buffer.from(parseEncryptionKey(text))).toEqual(bytes);
    for (const text of ["", "password", bytes.toString("hex").slice(2), bytes.subarray(1).toString("base64"), "g".repeat(64)])
      expect(() => parseEncryptionKey(text)).toThrow(expect.objectContaining({ code: "encryption_key_invalid" }));
  });
});

describe("the database's check value", () => {
  test("it lets the same key in again, and refuses another one", async () => {
    await using db = await aDatabase([vaultMigrations]);
    const vault = createVault({ key: aKey() });
    await Promise.all([ensureVaultKey(db.store, vault), ensureVaultKey(db.store, vault)]);
    await ensureVaultKey(db.store, vault);
    await expect(ensureVaultKey(db.store, createVault({ key: aKey() }))).rejects.toMatchObject({
      kind: "conflict",
      code: "encryption_key_wrong",
    });
    await ensureVaultKey(db.store, vault);
  });

  test("it accepts a new key beside the old one, and from then on not the old one alone", async () => {
    await using db = await aDatabase([vaultMigrations]);
    const [old, current] = [aKey(), aKey()];
    let now = 1;
    const clock = { now: () => now++ };
    await ensureVaultKey(db.store, createVault({ key: old }), clock);
    await ensureVaultKey(db.store, createVault({ key: current, earlierKeys: [old] }), clock);
    await ensureVaultKey(db.store, createVault({ key: current }), clock);
    await expect(ensureVaultKey(db.store, createVault({ key: old }), clock)).rejects.toMatchObject({ code: "encryption_key_wrong" });
  });

  test("it lets only one of two different keys through at the very first start", async () => {
    await using db = await aDatabase([vaultMigrations]);
    const ends = await Promise.allSettled(Array.from({ length: 6 }, () => ensureVaultKey(db.store, createVault({ key: aKey() }))));
    expect(ends.filter((end) => end.status === "fulfilled")).toHaveLength(1);
  });
});
