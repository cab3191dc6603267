import { expect, test } from "vitest";
import { unavailable } from "../../errors/index.ts";
import { done } from "../contract.ts";
import { anOperation, Lab, never } from "../fixtures.ts";
import type { Home } from "../conformance.ts";

export function testsOfWakes(home: Home): void {
  test("it is carried from start to end by the store's own transport, retries and locks included", async () => {
    const lab = new Lab(home().store, home().transport);
    const operation = anOperation(
      [
        {},
        {
          retry: { tries: 2, backoffMs: 50, factor: 1 },
          run: async ({ operation: { attempt } }) => (attempt === 1 ? Promise.reject(unavailable("away", "Away.")) : done()),
        },
      ],
      { lock: () => "carried" },
    );
    const worker = lab.worker([operation]);
    const listener = await home().transport.listen([{ queue: operation.queue, concurrency: 3 }], (id, signal) => worker.run(id, signal));
    try {
      const ids = await Promise.all([1, 2, 3].map((n) => lab.start(operation, n)));
      const ended = await Promise.all(ids.map((id) => lab.ledger.waitForEnd(id, AbortSignal.timeout(20_000))));
      expect(ended.map((one) => one.state)).toEqual(["succeeded", "succeeded", "succeeded"]);
    } finally {
      await listener.stop(AbortSignal.timeout(5_000));
    }
  });

  test("it is woken again when its wake-up was lost, not at once and not over and over", async () => {
    const lab = new Lab(home().store);
    const operation = anOperation();
    const id = await lab.start(operation);
    const mine = () => lab.wakes.splice(0).filter((wake) => wake.operation === id).length;
    mine();
    await lab.sweeper.sweep();
    expect(mine()).toBe(0);
    lab.clock.move(16_000);
    await lab.sweeper.sweep();
    expect(mine()).toBe(1);
    await lab.sweeper.sweep();
    expect(mine()).toBe(0);
    lab.clock.move(20_000);
    await lab.sweeper.sweep();
    expect(mine()).toBe(1);
    await lab.worker([operation]).run(id, never);
    lab.clock.move(3_600_000);
    await lab.sweeper.sweep();
    expect(mine()).toBe(0);
  });

  test("it waits for the end of an operation, or until the signal", async () => {
    const lab = new Lab(home().store);
    const operation = anOperation();
    const id = await lab.start(operation);
    await expect(lab.ledger.waitForEnd(id, AbortSignal.timeout(80))).rejects.toMatchObject({ name: "TimeoutError" });
    const [ended] = await Promise.all([lab.ledger.waitForEnd(id, never), lab.deliver(lab.worker([operation]))]);
    expect(ended).toMatchObject({ id, state: "succeeded" });
  });
}
