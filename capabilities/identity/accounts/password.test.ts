import { describe, expect, it } from "vitest";
import { createPasswords } from "./password.ts";

describe("passwords", () => {
  it("keeps the parameters in front, verifies by them, and refuses what is not a hash of ours", async () => {
    const passwords = createPasswords();
    const hash = await passwords.hash("pässword one");
    expect(hash).toMatch(/^scrypt\$16384\$8\$5\$/);
    expect(await passwords.verify({ hash, password: "pässword one" })).toBe(true);
    expect(await passwords.verify({ hash, password: "pa\u0308ssword one" })).toBe(true);
    expect(await passwords.verify({ hash, password: "password one" })).toBe(false);
    expect(await passwords.hash("pässword one")).not.toBe(hash);
    for (const bad of ["", "plain", hash.replace("scrypt", "none"), hash.slice(0, -1), hash.replace("16384", "9999999")])
      expect(await passwords.verify({ hash: bad, password: "pässword one" }), bad).toBe(false);
    // What was stored under a lower cost still opens.
    const { scryptSync } = await import("node:crypto");
    const salt = Buffer.alloc(16, 1);
    const old = `scrypt$1024$8$1$${salt.toString("base64url")}$${scryptSync("old", salt, 32, { N: 1024, r: 8, p: 1 }).toString("base64url")}`;
    expect(await passwords.verify({ hash: old, password: "old" })).toBe(true);
  });

  it("[W4] works on two at a time and turns the flood away", async () => {
    const passwords = createPasswords({ atOnce: 2, waiting: 3 });
    const results = await Promise.allSettled(Array.from({ length: 9 }, () => passwords.hash("x".repeat(20))));
    expect(results.filter((one) => one.status === "fulfilled")).toHaveLength(5);
    for (const one of results)
      if (one.status === "rejected") expect(one.reason).toMatchObject({ kind: "quota", code: "too_many_sign_ins" });
    // The turns are given back.
    expect(await passwords.hash("again")).toMatch(/^scrypt/);
  });
});
