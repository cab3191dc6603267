import { describe, expect, it } from "vitest";
import { invalid, toNornsError } from "./index.ts";

describe("anything thrown", () => {
  it("stays what it is when it is one of ours", () => {
    const error = invalid("x", "Say y instead.");
    expect(toNornsError(error)).toBe(error);
  });

  it.each(["ENOSPC", "EDQUOT", "53100"])("is a full disk when the system says %s: worth trying again, and no bug of ours", (code) => {
    const cause = Object.assign(new Error("write"), { code });
    expect(toNornsError(cause)).toMatchObject({ kind: "unavailable", code: "disk_full", cause });
  });

  it("is a bug otherwise, and shows nothing of itself", () => {
    for (const thrown of [new Error("secret"), Object.assign(new Error("secret"), { code: "ENOENT" }), "secret", null, undefined])
      expect(toNornsError(thrown)).toMatchObject({ kind: "bug", code: "internal", message: expect.not.stringContaining("secret") });
  });
});
