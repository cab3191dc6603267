import fc from "fast-check";
import { expect, test } from "vitest";
import { rightTimes, type Suspect } from "./wrong-times.ts";

const now = 1_800_000_000_000;
const leaseMs = 30_000;
const hour = 3_600_000;
const row = (of: Partial<Suspect>): Suspect => ({
  id: "op",
  state: "queued",
  epoch: 1,
  revision: 0,
  holder: null,
  due_at: now,
  wake_at: now + 15_000,
  updated_at: now,
  ...of,
});

test("it frees what is held far ahead only once its lease has not moved for a whole lease", () => {
  const held = row({ state: "running", holder: "node/main", due_at: now + hour });
  expect(rightTimes(held, now, leaseMs, 9)).toBeUndefined();
  expect(rightTimes(held, now, leaseMs, 10)).toMatchObject({ due_at: now, wake_at: now });
});

test("it looks at the end of a lease, however long the wake-up was put off before", () => {
  const held = row({ state: "running", holder: "node/main", due_at: now + 20_000, wake_at: now + 200_000 });
  expect(rightTimes(held, now, leaseMs, 0)).toMatchObject({ due_at: now + 20_000, wake_at: now + 20_000 });
});

test("it lets a wait that was meant begin again by our clock, and ends it in no case later", () => {
  const anyOffset = fc.integer({ min: -3 * hour, max: 3 * hour });
  fc.assert(
    fc.property(fc.constantFrom("queued", "retrying", "undoing"), anyOffset, fc.integer({ min: 0, max: 900_000 }), (state, by, waitMs) => {
      const wait = state === "queued" ? 0 : waitMs;
      const written = row({ state, updated_at: now + by, due_at: now + by + wait, wake_at: now + by + wait + 15_000 });
      const times = rightTimes(written, now, leaseMs, 0) ?? written;
      expect(times.due_at).toBeLessThanOrEqual(now + wait + 60_000);
      expect(times.wake_at).toBeLessThanOrEqual(now + wait + 60_000 + 15_000);
      expect(rightTimes({ ...written, ...times }, now, leaseMs, 0)).toBeUndefined(); // once is enough
    }),
  );
});

test("it never touches a start time that was asked for", () => {
  fc.assert(
    fc.property(fc.integer({ min: -hour, max: hour }), fc.integer({ min: 1, max: 100 * hour }), (by, delay) => {
      const updated_at = now + by;
      const asked = row({ updated_at, due_at: updated_at + delay, wake_at: updated_at + delay + 15_000 });
      expect(rightTimes(asked, now, leaseMs, 0)?.due_at ?? asked.due_at).toBe(asked.due_at);
    }),
  );
});
