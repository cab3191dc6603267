import { describe, expect, it } from "vitest";
import { startOfDay, uptimeText } from "./stats.ts";

describe("stats", () => {
  it("words an uptime in days, hours and minutes", () => {
    expect(uptimeText(0)).toBe("0m");
    expect(uptimeText(3 * 60_000)).toBe("3m");
    expect(uptimeText(86_400_000 + 2 * 3_600_000 + 3 * 60_000)).toBe("1d 2h 3m");
    expect(uptimeText(86_400_000)).toBe("1d 0h 0m");
  });

  it("begins the day at midnight UTC", () => {
    expect(new Date(startOfDay(Date.parse("2026-03-04T23:59:59.999Z"))).toISOString()).toBe("2026-03-04T00:00:00.000Z");
  });
});
