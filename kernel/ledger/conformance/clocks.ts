import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import type { Clock } from "../../clock/index.ts";
import { unavailable } from "../../errors/index.ts";
import { done } from "../contract.ts";
import { aGate, anOperation, Lab, mortal, never, until } from "../fixtures.ts";
import { silentLog } from "../../log/index.ts";
import { createSweeper } from "../sweep.ts";
import type { Home } from "../conformance.ts";

const hour = 3_600_000;
const off = (lab: Lab, by: number): Clock => ({ now: () => lab.clock.now() + by, sleep: lab.clock.sleep });

/** Passes of the sweeper, three seconds from one to the next, until it wakes the operation; how many it took. */
async function roundsUntilWoken(lab: Lab, id: string, most: number): Promise<number> {
  for (let round = 1; round <= most; round++) {
    lab.clock.move(3_000);
    await lab.sweeper.sweep();
    if (lab.wakes.some((wake) => wake.operation === id)) return round;
  }
  return Infinity;
}

const minuteAndLease = (60_000 + 30_000) / 3_000;

export function testsOfClocks(home: Home): void {
  test("it takes over, within a lease and a minute, from a lost worker whose clock was an hour ahead", async () => {
    const lab = new Lab(home().store);
    let begun = 0;
    const operation = anOperation([{ run: async ({ operation: { epoch } }) => (begun++, epoch === 1 ? new Promise(() => {}) : done()) }]);
    const id = await lab.start(operation);
    const dying = mortal(lab.store);
    void lab.worker([operation], { store: dying, clock: off(lab, hour), name: "ahead" }).run(id, never);
    await until(() => begun === 1);
    dying.die();
    lab.wakes.length = 0;
    expect(await roundsUntilWoken(lab, id, 100)).toBeLessThanOrEqual(minuteAndLease);
    await lab.deliver(lab.worker([operation], { name: "second" }));
    expect(await lab.ledger.find(id)).toMatchObject({ state: "succeeded", epoch: 2 });
  });

  test("it leaves its operation to a worker that lives, even if its clock is an hour ahead", async () => {
    const lab = new Lab(home().store, undefined, { leaseMs: 1_000 });
    const gate = aGate();
    const operation = anOperation([{ run: async () => (await gate.opened, done()) }]);
    const id = await lab.start(operation);
    lab.wakes.length = 0;
    const running = lab.worker([operation], { clock: off(lab, hour), name: "ahead", leaseMs: 1_000 }).run(id, never);
    const stop = new AbortController();
    const sweeping = lab.sweeper.run(stop.signal);
    const until = Date.now() + 2_500;
    const second = lab.worker([operation], { name: "second", leaseMs: 1_000 });
    while (Date.now() < until) {
      await lab.deliver(second);
      await sleep(50);
    }
    stop.abort();
    gate.open();
    await Promise.all([running, sweeping]);
    expect(await lab.ledger.find(id)).toMatchObject({ state: "succeeded", epoch: 1 });
  });

  test("it begins and tries again within a minute what was written by a clock an hour ahead", async () => {
    const lab = new Lab(home().store);
    const operation = anOperation([
      {
        retry: { tries: 2, backoffMs: 5_000, factor: 1 },
        run: async ({ operation: { attempt } }) => (attempt === 1 ? Promise.reject(unavailable("away", "Away.")) : done()),
      },
    ]);
    lab.clock.move(hour);
    const [queued, retried] = [await lab.start(operation), await lab.start(operation)];
    await lab.worker([operation], { name: "ahead" }).run(retried, never);
    expect(await lab.stateOf(retried)).toBe("retrying");
    lab.clock.move(-hour);
    lab.wakes.length = 0;
    expect(await roundsUntilWoken(lab, queued, 100)).toBeLessThanOrEqual(20);
    expect(await roundsUntilWoken(lab, retried, 100)).toBeLessThanOrEqual(20);
    const worker = lab.worker([operation], { name: "second" });
    await worker.run(retried, never);
    expect(await lab.stateOf(retried)).toBe("succeeded");
    await worker.run(queued, never);
    expect(await lab.stateOf(queued)).toBe("retrying");
  });

  test("it keeps to the start time that was asked for, whichever clock looks", async () => {
    const lab = new Lab(home().store);
    const operation = anOperation();
    const runAfter = lab.clock.now() + 6 * hour;
    const id = await lab.start(operation, 1, { runAfter });
    const { store, transport } = lab;
    for (const by of [-hour, 0, hour]) {
      const sweeper = createSweeper({ store, transport, clock: off(lab, by), log: silentLog });
      for (let round = 0; round < 11; round++) await sweeper.sweep();
      expect(await lab.ledger.find(id)).toMatchObject({ state: "queued", runAfter });
    }
  });

  test("it wakes within a minute what a sweeper with a clock an hour ahead has put off", async () => {
    const lab = new Lab(home().store);
    const operation = anOperation();
    const id = await lab.start(operation);
    lab.clock.move(hour);
    await lab.sweeper.sweep();
    lab.clock.move(-hour);
    lab.wakes.length = 0;
    expect(await roundsUntilWoken(lab, id, 100)).toBeLessThanOrEqual(20);
  });
}
