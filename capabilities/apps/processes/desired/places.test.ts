import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { newId } from "@norns/kernel/ids";
import { aRelease, anInstance } from "../fixtures.ts";
import { differenceOf, isDifferent, wantedOf } from "./places.ts";

const release = aRelease();
const states = ["starting", "running", "stopping", "exited", "lost"] as const;

describe("differenceOf", () => {
  it("finds nothing wrong when every wanted place is taken", () => {
    const difference = differenceOf(release, { web: 2 }, [anInstance(release), anInstance(release, { index: 1 })]);
    expect(isDifferent(difference)).toBe(false);
  });

  it("misses places without an instance, and those whose instance is lost or has exited", () => {
    const difference = differenceOf(release, { web: 3 }, [
      anInstance(release, { state: "lost" }),
      anInstance(release, { index: 1, state: "exited" }),
    ]);
    expect(difference.missing).toEqual([0, 1, 2].map((index) => ({ process: "web", index })));
  });

  it("tells instances of other releases from those above the count", () => {
    const old = anInstance({ release: newId("ReleaseId") });
    const above = anInstance(release, { index: 1 });
    const difference = differenceOf(release, {}, [anInstance(release), above, old]);
    expect(difference).toEqual({ missing: [], surplus: [above.id], superseded: [old.id] });
  });

  it("is settled exactly when each wanted place has one instance up and nothing else is up", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 4 }),
        fc.array(fc.record({ index: fc.integer({ min: 0, max: 5 }), state: fc.constantFrom(...states), isOld: fc.boolean() }), {
          maxLength: 8,
        }),
        (count, given) => {
          const instances = given.map(({ index, state, isOld }) =>
            anInstance(isOld ? { release: newId("ReleaseId") } : release, { index, state }),
          );
          const up = given.filter(({ state }) => state !== "lost" && state !== "exited");
          const isSettled =
            up.every(({ index, isOld }) => !isOld && index < count) &&
            wantedOf(release, { web: count }).every((place) => up.some(({ index, isOld }) => !isOld && index === place.index));
          expect(isDifferent(differenceOf(release, { web: count }, instances))).toBe(!isSettled);
        },
      ),
    );
  });
});
