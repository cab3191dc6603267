import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { aRelease } from "./fixtures.ts";
import { isArtifactShared, previousGood, releasesToPrune, statusOf } from "./rules.ts";
import type { KeptRelease, Release } from "./release.ts";

const releases = (...states: Release["state"][]): Release[] =>
  states.map((state, index) => aRelease({ number: index + 1, state, currentSince: state === "new" ? null : index + 1 }));

describe("previousGood", () => {
  it("goes to the newest good release before the current, past the bad ones", () => {
    const all = releases("good", "good", "bad", "bad", "good");
    expect(previousGood(all, all[4]!)?.number).toBe(2);
  });

  it("never goes forward, so two rollbacks go back twice", () => {
    const all = releases("good", "good", "bad");
    expect(previousGood(all, all[1]!)?.number).toBe(1);
    expect(previousGood(all, all[0]!)).toBeUndefined();
  });

  it("passes over releases whose artifact is gone", () => {
    const all = releases("good", "good", "good").map((release, index) => (index === 1 ? { ...release, artifact: null } : release));
    expect(previousGood(all, all[2]!)?.number).toBe(1);
  });

  it("ends: rolling back again and again reaches the first release and stops there", () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom("good", "bad", "new") as fc.Arbitrary<Release["state"]>, { minLength: 1, maxLength: 12 }),
        (states) => {
          const all = releases(...states);
          let current = all.at(-1)!;
          for (let rounds = 0; ; rounds++) {
            expect(rounds).toBeLessThanOrEqual(all.length);
            const target = previousGood(all, current);
            if (!target) break;
            expect(target.number).toBeLessThan(current.number);
            expect(target.state).toBe("good");
            current = target;
          }
        },
      ),
    );
  });
});

describe("releasesToPrune", () => {
  it("keeps the newest ten, the current one and the one before it", () => {
    const all = releases(...Array.from({ length: 15 }, () => "good" as const)).map((release) =>
      release.number === 2 ? { ...release, currentSince: 100 } : release.number === 1 ? { ...release, currentSince: 99 } : release,
    );
    const current = all[1]!;
    expect(releasesToPrune(all, current.id, 10).map(({ number }) => number)).toEqual([3, 4, 5]);
  });

  it("never prunes the current release nor the previous one, whatever the numbers", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 0, max: 12 }), fc.nat(), (count, kept, pick) => {
        const all = releases(...Array.from({ length: count }, () => "good" as const));
        const current = all[pick % count]!;
        const previous = all.filter(({ id }) => id !== current.id).at(-1);
        const gone = releasesToPrune(all, current.id, kept).map(({ id }) => id);
        expect(gone).not.toContain(current.id);
        if (previous) expect(gone).not.toContain(previous.id);
        expect(gone.length).toBeLessThanOrEqual(Math.max(0, count - kept));
      }),
    );
  });
});

describe("isArtifactShared", () => {
  it("sees that another release has the same image", () => {
    const image = { kind: "image", image: "sha256:aa" } as const;
    const [one, two] = [aRelease({ number: 1, artifact: image }) as KeptRelease, aRelease({ number: 2, artifact: { ...image } })];
    expect(isArtifactShared(one, [one, two])).toBe(true);
    expect(isArtifactShared(one, [one, { ...two, artifact: null }])).toBe(false);
  });
});

describe("statusOf", () => {
  const steps = (running: string) =>
    ["clone", "build", "test", "snapshot", "migrate", "submit", "healthy", "forge", "cleanup"].map((name, index, names) => ({
      name,
      state: index < names.indexOf(running) ? ("done" as const) : name === running ? ("running" as const) : ("pending" as const),
    }));

  it("says the seed's word for each step", () => {
    const words = steps("clone").map(({ name }) => statusOf({ state: "running", steps: steps(name) }, false));
    expect(words).toEqual(["building", "building", "testing", "migrating", "migrating", "submitting", "healthy", "healthy", "healthy"]);
  });

  it("counts as deployed what broke off after the switch, and as failed what broke off before", () => {
    for (const state of ["failed", "undone", "cancelled", "undo_failed"] as const) {
      expect(statusOf({ state, steps: [] }, true)).toBe("deployed");
      expect(statusOf({ state, steps: [] }, false)).toBe("failed");
    }
    expect(statusOf({ state: "queued", steps: [] }, false)).toBe("queued");
    expect(statusOf({ state: "succeeded", steps: [] }, true)).toBe("deployed");
  });
});
