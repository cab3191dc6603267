import { expect, test } from "vitest";
import { invalid, unavailable } from "../../errors/index.ts";
import { done } from "../contract.ts";
import { anOperation, Lab, mortal, never, quick, until } from "../fixtures.ts";
import type { Home } from "../conformance.ts";

let locks = 0;

export function testsOfLocks(home: Home): void {
  test("it runs operations of one lock one after another, first come first served", async () => {
    const lab = new Lab(home().store);
    const lock = `one-${locks++}`;
    const order: number[] = [];
    let inside = 0;
    const operation = anOperation(
      [
        {
          async run({ input, clock }) {
            expect(++inside).toBe(1);
            order.push(input.n);
            await clock.sleep(5);
            inside--;
            return done();
          },
        },
      ],
      { lock: () => lock },
    );
    for (let n = 1; n <= 8; n++) await lab.start(operation, n);
    const workers = [lab.worker([operation]), lab.worker([operation], { name: "second" })];
    const backwards = lab.wakes.splice(0).toReversed();
    await Promise.all(backwards.map((wake, index) => workers[index % 2]!.run(wake.operation, never)));
    for (let round = 0; round < 10; round++) await lab.deliver(workers[round % 2]!);
    expect(order).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  });

  test("it runs operations of different locks side by side", async () => {
    const lab = new Lab(home().store);
    const both = Promise.withResolvers<void>();
    let inside = 0;
    const operation = anOperation([{ run: async () => (++inside === 2 && both.resolve(), await both.promise, done()) }], {
      lock: ({ n }) => `side-${locks}-${n}`,
    });
    const ids = [await lab.start(operation, 1), await lab.start(operation, 2)];
    const worker = lab.worker([operation]);
    await Promise.all(ids.map((id) => worker.run(id, never)));
    expect(inside).toBe(2);
  });

  test("it holds the lock through retrying and undoing, and lets go at the end", async () => {
    const lab = new Lab(home().store);
    const lock = `held-${locks++}`;
    const seen: string[] = [];
    const operation = anOperation(
      [
        {
          retry: quick(2),
          async run({ input, operation: { attempt } }) {
            seen.push(`run ${input.n}.${attempt}`);
            if (input.n === 1) throw unavailable("away", "Away.");
            return done();
          },
          undo: async ({ input }) => void seen.push(`undo ${input.n}`),
        },
      ],
      { lock: () => lock },
    );
    const [first, second] = [await lab.start(operation, 1), await lab.start(operation, 2)];
    const worker = lab.worker([operation]);
    await worker.run(first, never);
    expect(await lab.stateOf(first)).toBe("retrying");
    await worker.run(second, never);
    expect(await lab.stateOf(second)).toBe("queued");
    await lab.deliver(worker);
    expect(seen).toEqual(["run 1.1", "run 1.2", "undo 1", "run 2.1"]);
    expect(await lab.stateOf(second)).toBe("succeeded");
  });

  test("it wakes the next in line in the very write that ends the one before", async () => {
    const lab = new Lab(home().store);
    const lock = `heir-${locks++}`;
    const operation = anOperation([{ run: async ({ input }) => (input.n === 1 ? Promise.reject(invalid("no", "No.")) : done()) }], {
      lock: () => lock,
    });
    const ids = [await lab.start(operation, 1), await lab.start(operation, 2), await lab.start(operation, 3)];
    lab.wakes.length = 0;
    const worker = lab.worker([operation]);
    await worker.run(ids[0]!, never);
    expect(lab.wakes.map((wake) => wake.operation)).toEqual([ids[1]]);
    await lab.deliver(worker);
    expect(await Promise.all(ids.map((id) => lab.stateOf(id)))).toEqual(["failed", "succeeded", "succeeded"]);
  });

  test("it keeps the lock for an operation whose worker was lost", async () => {
    const lab = new Lab(home().store);
    const lock = `lost-${locks++}`;
    let begun = 0;
    const operation = anOperation(
      [{ run: async ({ operation: { epoch }, input }) => (begun++, input.n === 1 && epoch === 1 ? new Promise(() => {}) : done()) }],
      { lock: () => lock },
    );
    const [first, second] = [await lab.start(operation, 1), await lab.start(operation, 2)];
    const dying = mortal(lab.store);
    void lab.worker([operation], { store: dying }).run(first, never);
    await until(() => begun === 1);
    dying.die();
    lab.clock.move(31_000);
    const worker = lab.worker([operation], { name: "second" });
    await worker.run(second, never);
    expect(await lab.stateOf(second)).toBe("queued");
    await worker.run(first, never);
    await lab.deliver(worker);
    expect([await lab.stateOf(first), await lab.stateOf(second)]).toEqual(["succeeded", "succeeded"]);
  });
}
