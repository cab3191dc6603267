import { expect, test } from "vitest";
import { invalid, unavailable } from "../../errors/index.ts";
import { done, skipped } from "../contract.ts";
import { anOperation, Lab, never, quick, untilStopped } from "../fixtures.ts";
import type { Home } from "../conformance.ts";

export function testsOfInterference(home: Home): void {
  test("it is cancelled at each step, and takes back what was done", { timeout: 60_000 }, async () => {
    for (const [index, at] of ["a", "b", "c"].entries()) {
      const lab = new Lab(home().store);
      const undone: string[] = [];
      const operation = anOperation(
        ["a", "b", "c"].map((step) => ({
          run: async (context) => (step === at ? untilStopped(context) : done()),
          undo: async () => void undone.push(step),
        })),
      );
      const id = await lab.start(operation);
      const running = lab.worker([operation]).run(id, never);
      await expect.poll(() => lab.stepsOf(id)).toMatchObject({ [at]: "running" });
      await lab.ledger.cancel(id, { label: "grace" });
      await lab.ledger.cancel(id, { label: "grace" }); // asking twice is asking once
      await running;
      expect(await lab.stateOf(id)).toBe("cancelled");
      expect(undone).toEqual(["c", "b", "a"].slice(2 - index));
      expect(await lab.actionsOf(id)).toEqual(["deploy.start", "deploy.cancel", "deploy.cancelled"]);
    }
  });

  test("it is cancelled at once while it waits in its queue, and never begins", async () => {
    const lab = new Lab(home().store);
    const operation = anOperation([{ run: async () => expect.unreachable() }], { lock: () => `lock of ${home().store.dialect}` });
    const later = await lab.start(operation, 1, { runAfter: lab.clock.now() + 3_600_000 });
    const holder = anOperation([{ run: untilStopped }], { lock: () => `lock of ${home().store.dialect}` });
    const first = await lab.start(holder);
    const stop = new AbortController();
    const running = lab.worker([holder]).run(first, stop.signal);
    await expect.poll(() => lab.stateOf(first)).toBe("running");
    const waiting = await lab.start(operation);
    await lab.ledger.cancel(later, { label: "grace" });
    await lab.ledger.cancel(waiting, { label: "grace" });
    const worker = lab.worker([operation]);
    await worker.run(later, never);
    await worker.run(waiting, never); // although another holds the lock
    expect(await lab.ledger.find(later)).toMatchObject({ state: "cancelled", startedAt: undefined });
    expect(await lab.ledger.find(waiting)).toMatchObject({ state: "cancelled", startedAt: undefined });
    await lab.ledger.cancel(first, { label: "grace" });
    await running;
    stop.abort();
    expect(await lab.stateOf(first)).toBe("cancelled");
  });

  test("it is cancelled while it waits for a retry", async () => {
    const lab = new Lab(home().store);
    const undone: string[] = [];
    const operation = anOperation([
      { undo: async () => void undone.push("a") },
      { retry: { tries: 9, backoffMs: 3_600_000, factor: 1 }, run: async () => Promise.reject(unavailable("away", "Away.")) },
    ]);
    const id = await lab.start(operation);
    const worker = lab.worker([operation]);
    await worker.run(id, never);
    expect(await lab.stateOf(id)).toBe("retrying");
    await lab.ledger.cancel(id, { label: "grace" });
    await worker.run(id, never);
    expect(await lab.stateOf(id)).toBe("cancelled");
    expect(undone).toEqual(["a"]);
  });

  test("it cannot be cancelled once it has ended", async () => {
    const lab = new Lab(home().store);
    const operation = anOperation();
    const id = await lab.start(operation);
    await lab.deliver(lab.worker([operation]));
    await expect(lab.ledger.cancel(id, { label: "grace" })).rejects.toMatchObject({ kind: "conflict", code: "operation_ended" });
    await expect(lab.ledger.cancel("op_none" as never, { label: "grace" })).rejects.toMatchObject({ kind: "not_found" });
    expect(await lab.actionsOf(id)).toEqual(["deploy.start", "deploy.complete"]);
  });

  test("it is run again from the failed step; what was done is not done again", async () => {
    const lab = new Lab(home().store);
    const runs: string[] = [];
    let isBroken = true;
    const operation = anOperation([
      { run: async () => (runs.push("a"), done("of a")) },
      { run: async () => (runs.push("b"), isBroken ? Promise.reject(invalid("no", "No.")) : done()) },
      { run: async (context) => (runs.push("c"), done(context.outputOf("a"))) },
    ]);
    const id = await lab.start(operation);
    const worker = lab.worker([operation]);
    await lab.deliver(worker);
    expect(await lab.stateOf(id)).toBe("failed");
    isBroken = false;
    await lab.ledger.retry(id, { label: "grace" });
    expect(await lab.ledger.find(id)).toMatchObject({ state: "queued", error: undefined, finishedAt: undefined });
    await lab.deliver(worker);
    expect(runs).toEqual(["a", "b", "b", "c"]);
    expect(await lab.ledger.find(id)).toMatchObject({ state: "succeeded", steps: [{ output: "of a" }, {}, { output: "of a" }] });
    expect(await lab.actionsOf(id)).toEqual(["deploy.start", "deploy.failed", "deploy.retry", "deploy.complete"]);
  });

  test("it runs undone steps again, and skipped ones behind them, when it is retried", async () => {
    const lab = new Lab(home().store);
    const runs: string[] = [];
    let isBroken = true;
    const operation = anOperation([
      { run: async () => (runs.push("a"), done()), cannotUndo: "kept" },
      { run: async () => (runs.push("b"), done()), undo: async () => void runs.push("undo b") },
      { run: async () => (runs.push("c"), skipped("no")) },
      { run: async () => (isBroken ? Promise.reject(invalid("no", "No.")) : done()) },
    ]);
    const id = await lab.start(operation);
    const worker = lab.worker([operation]);
    await lab.deliver(worker);
    expect(await lab.stateOf(id)).toBe("undone");
    isBroken = false;
    await lab.ledger.retry(id, { label: "grace" });
    await lab.deliver(worker);
    expect(runs).toEqual(["a", "b", "c", "undo b", "b", "c"]);
    expect(await lab.stateOf(id)).toBe("succeeded");
  });

  test("it is retried only when it is a dead letter, and by one of two who ask at once", async () => {
    const lab = new Lab(home().store);
    const operation = anOperation([{ retry: quick(1), run: async () => Promise.reject(invalid("no", "No.")) }]);
    const id = await lab.start(operation);
    await expect(lab.ledger.retry(id, { label: "grace" })).rejects.toMatchObject({ kind: "conflict", code: "operation_not_retryable" });
    await lab.deliver(lab.worker([operation]));
    const asked = await Promise.allSettled([lab.ledger.retry(id, { label: "ada" }), lab.ledger.retry(id, { label: "grace" })]);
    expect(asked.filter((one) => one.status === "fulfilled")).toHaveLength(1);
    expect((await lab.actionsOf(id)).filter((action) => action === "deploy.retry")).toHaveLength(1);
  });
}
