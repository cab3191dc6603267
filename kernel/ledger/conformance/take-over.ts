import { expect, test } from "vitest";
import { done } from "../contract.ts";
import { aGate, anOperation, Lab, mortal, never, until, untilStopped } from "../fixtures.ts";
import type { Home } from "../conformance.ts";

export function testsOfTakeOver(home: Home): void {
  test("it carries on within one lease after a worker was killed between any two of its writes", { timeout: 120_000 }, async () => {
    for (let answered = 1; answered <= 5; answered++) {
      const lab = new Lab(home().store);
      const runs: string[] = [];
      const operation = anOperation(
        ["a", "b", "c"].map((step) => ({
          run: async () => (runs.push(step), done()),
          probe: async () => (runs.includes(step) ? done() : undefined),
        })),
        { announcesSteps: true },
      );
      const id = await lab.start(operation);
      lab.wakes.length = 0;
      const dying = mortal(lab.store, answered);
      const died = lab.worker([operation], { store: dying }).run(id, never);
      await Promise.race([died, lab.clock.sleep(150)]);
      dying.die();
      if ((await lab.stateOf(id)) !== "succeeded") {
        expect(await lab.stateOf(id)).toBe("running");
        lab.clock.move(27_000); // less than one lease
        await lab.sweeper.sweep();
        lab.clock.move(1_000);
        await lab.sweeper.sweep();
        expect(lab.wakes.map((wake) => wake.operation)).toContain(id);
        await lab.deliver(lab.worker([operation], { name: "second" }));
      }
      expect(await lab.stateOf(id)).toBe("succeeded");
      expect(runs).toEqual(["a", "b", "c"]); // what was done and not recorded was found by its probe
    }
  });

  for (const leaseMs of [1_000, 1_500])
    test(`it takes over within one lease of ${leaseMs} ms, in real time, what a worker left soon after its claim`, async () => {
      const lab = new Lab(home().store, home().transport, { leaseMs });
      const begun = Promise.withResolvers<number>();
      const operation = anOperation([
        { run: async ({ operation: { epoch } }) => (epoch === 1 ? (begun.resolve(Date.now()), new Promise(() => {})) : done()) },
      ]);
      const dying = mortal(lab.store);
      const lost = lab.worker([operation], { store: dying, leaseMs });
      const second = lab.worker([operation], { name: "second", leaseMs });
      const stop = new AbortController();
      let isLost = false;
      const listener = await home().transport.listen([{ queue: operation.queue, concurrency: 2 }], (id, signal) => {
        if (isLost) return second.run(id, signal);
        isLost = true;
        void lost.run(id, never);
        return Promise.resolve();
      });
      const sweeping = lab.sweeper.run(stop.signal);
      try {
        const first = anOperation(); // the store's first statements take longer
        await lab.worker([first]).run(await lab.start(first), never);
        const id = await lab.start(operation);
        const lostAt = await begun.promise;
        dying.die();
        const ended = await lab.ledger.waitForEnd(id, AbortSignal.timeout(25_000));
        expect(ended).toMatchObject({ state: "succeeded", epoch: 2 });
        expect(ended.startedAt).toBeLessThanOrEqual(lostAt);
        expect(ended.finishedAt! - lostAt).toBeLessThanOrEqual(leaseMs + 250); // what a busy machine may add
      } finally {
        stop.abort();
        await sweeping;
        await listener.stop(AbortSignal.timeout(5_000));
      }
    });

  test("it asks the probe before a repeat, and only then", async () => {
    const lab = new Lab(home().store);
    const asked: string[] = [];
    let begun = 0;
    const operation = anOperation([
      {
        probe: async ({ operation: { epoch } }) => (asked.push(`a ${epoch}`), done("found")),
        run: async ({ operation: { epoch } }) => (begun++, epoch === 1 ? new Promise(() => {}) : done("run again")),
      },
      { probe: async () => undefined, run: async () => done("run") },
    ]);
    const id = await lab.start(operation);
    const dying = mortal(lab.store);
    void lab.worker([operation], { store: dying }).run(id, never);
    await until(() => begun === 1);
    expect(asked).toEqual([]);
    dying.die();
    lab.clock.move(31_000);
    await lab.worker([operation], { name: "second" }).run(id, never);
    expect(asked).toEqual(["a 2"]);
    expect(await lab.ledger.find(id)).toMatchObject({ state: "succeeded", steps: [{ output: "found" }, { output: "run" }] });
  });

  test("it lets a restarted worker take over its own work at once, and nobody else's", async () => {
    const lab = new Lab(home().store);
    let begun = 0;
    const operation = anOperation([{ run: async ({ operation: { epoch } }) => (begun++, epoch === 1 ? new Promise(() => {}) : done()) }]);
    const [mine, others] = [await lab.start(operation), await lab.start(operation)];
    const dying = mortal(lab.store);
    void lab.worker([operation], { store: dying, name: `mine-${operation.queue}` }).run(mine, never);
    void lab.worker([operation], { store: dying, name: `others-${operation.queue}` }).run(others, never);
    await until(() => begun === 2);
    dying.die();
    lab.wakes.length = 0;
    const restarted = lab.worker([operation], { name: `mine-${operation.queue}` });
    expect(await restarted.takeOverOwn()).toBe(1);
    await lab.deliver(restarted);
    expect(await lab.stateOf(mine)).toBe("succeeded");
    expect(await lab.stateOf(others)).toBe("running");
  });

  test("it hands back what it runs when the worker stops, without using up a try", async () => {
    const lab = new Lab(home().store);
    const attempts: number[] = [];
    const operation = anOperation([
      {},
      {
        run: async (context) => (attempts.push(context.operation.attempt), context.operation.epoch === 1 ? untilStopped(context) : done()),
      },
    ]);
    const id = await lab.start(operation);
    lab.wakes.length = 0;
    const stopping = new AbortController();
    const running = lab.worker([operation]).run(id, stopping.signal);
    await until(() => attempts.length === 1);
    stopping.abort();
    await running;
    expect(lab.wakes).toMatchObject([{ operation: id }]);
    await lab.deliver(lab.worker([operation], { name: "second" }));
    expect(attempts).toEqual([1, 1]);
    expect(await lab.stateOf(id)).toBe("succeeded");
  });

  test("it keeps the lease of a long step alive", async () => {
    const lab = new Lab(home().store);
    const gate = aGate();
    const operation = anOperation([{ run: async () => (await gate.opened, done()) }]);
    const id = await lab.start(operation);
    const running = lab.worker([operation], { leaseMs: 800 }).run(id, never);
    await lab.clock.sleep(2_000);
    const other = lab.worker([operation], { name: "second", leaseMs: 800 });
    await other.run(id, never);
    gate.open();
    await running;
    expect(await lab.ledger.find(id)).toMatchObject({ state: "succeeded", epoch: 1 });
  });

  test("it does not run a step for ever that takes its worker down each time", async () => {
    const lab = new Lab(home().store);
    let begun = 0;
    const operation = anOperation([{ run: () => (begun++, new Promise(() => {})) }]);
    const id = await lab.start(operation);
    for (let life = 0; life < 3; life++) {
      const dying = mortal(lab.store);
      void lab.worker([operation], { store: dying, lossLimit: 2 }).run(id, never);
      await until(() => begun === life + 1);
      dying.die();
      lab.clock.move(31_000);
    }
    await lab.worker([operation], { lossLimit: 2 }).run(id, never);
    expect(await lab.ledger.find(id)).toMatchObject({ state: "failed", error: { code: "worker_lost", step: "a" } });
  });
}
