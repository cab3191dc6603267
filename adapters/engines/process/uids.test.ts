import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { AppName } from "@norns/kernel/ids";
import { ensureUids } from "./uids.ts";

const homes = Array.from({ length: 3 }, () => mkdtempSync(join(tmpdir(), "norns-uids-")));
afterAll(() => {
  for (const home of homes) rmSync(home, { recursive: true });
});
const one = "one" as AppName;
const two = "two" as AppName;

describe("an app's users", () => {
  it("are two, the app's own, and the same when asked for again", () => {
    const first = ensureUids(homes[0]!, one);
    const second = ensureUids(homes[0]!, two);
    expect(new Set([first.run, first.build, second.run, second.build]).size).toBe(4);
    expect(ensureUids(homes[0]!, one)).toEqual(first);
  });

  it("are not those of another installation, whose commands would end them with its own", () => {
    const uids = homes.map((home) => ensureUids(home, one).run);
    expect(new Set(uids).size).toBe(homes.length);
    for (const uid of uids) expect(uid).toBeLessThan(2 ** 31);
  });
});
