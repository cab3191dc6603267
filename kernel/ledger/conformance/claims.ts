import { expect, test } from "vitest";
import { Write } from "../../database/index.ts";
import { subject } from "../../events/index.ts";
import { statement } from "../statements.ts";
import { aNode, anOperation, anotherNode, Lab, never } from "../fixtures.ts";
import { done } from "../contract.ts";
import type { Home } from "../conformance.ts";

export function testsOfClaims(home: Home): void {
  test("it runs each of many operations once, delivered three times at once to two workers", { timeout: 120_000 }, async () => {
    const lab = new Lab(home().store);
    const { many } = home();
    const runs = new Map<string, number>();
    const operation = anOperation([{ run: async ({ operation: { id } }) => (runs.set(id, (runs.get(id) ?? 0) + 1), done()) }]);
    const ids = await Promise.all(Array.from({ length: many }, () => lab.start(operation)));
    const one = lab.worker([operation]);
    const two = lab.worker([operation], { name: "second" });
    await Promise.all(ids.flatMap((id) => [one.run(id, never), one.run(id, never), two.run(id, never)]));
    expect(runs.size).toBe(many);
    expect([...runs.values()].filter((count) => count !== 1)).toEqual([]);
    expect(await lab.ledger.list({ queue: operation.queue, states: ["succeeded"], limit: many })).toMatchObject({
      operations: { length: many },
    });
  });

  test("it changes nothing for a zombie: a worker whose epoch is over", async () => {
    const lab = new Lab(home().store);
    const write = statement(lab.store.dialect, "update {operations} set actor = 'zombie' where id = ?1");
    const { promise: held, resolve: letGo } = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    let runs = 0;
    const operation = anOperation([
      {
        async run({ operation: { id } }) {
          if (++runs > 1) return done("of the second");
          begun.resolve();
          await held; // deaf to its signal
          const zombies = new Write();
          zombies.add(write([id]));
          return done("of the zombie", zombies);
        },
      },
    ]);
    const id = await lab.start(operation);
    const zombie = lab.worker([operation], { graceMs: 5_000 }).run(id, never);
    await begun.promise;
    lab.clock.move(31_000);
    await lab.worker([operation], { name: "second" }).run(id, never);
    const ended = await lab.ledger.find(id);
    letGo();
    await zombie;
    expect(ended).toMatchObject({ state: "succeeded", epoch: 2, actor: "ada", steps: [{ output: "of the second" }] });
    expect(await lab.ledger.find(id)).toEqual(ended);
    expect((await lab.actionsOf(id)).filter((action) => action === "deploy.complete")).toHaveLength(1);
  });

  test("it lets two workers share a queue without doing anything twice", async () => {
    const lab = new Lab(home().store);
    const effects: string[] = [];
    const operation = anOperation(
      ["a", "b", "c"].map((step) => ({ run: async ({ operation: { id } }) => (effects.push(`${id} ${step}`), done()) })),
    );
    const ids = await Promise.all(Array.from({ length: 40 }, () => lab.start(operation)));
    const workers = [lab.worker([operation]), lab.worker([operation], { name: "second" })];
    await Promise.all(ids.flatMap((id) => workers.map((worker) => worker.run(id, never))));
    expect(effects).toHaveLength(120);
    expect(new Set(effects).size).toBe(120);
  });

  test("it gives an operation of a node to the workers of that node only", async () => {
    const lab = new Lab(home().store);
    const operation = anOperation();
    const id = await lab.start(operation, 1, { node: anotherNode });
    lab.wakes.length = 0;
    await lab.worker([operation], { node: aNode }).run(id, never);
    expect(await lab.stateOf(id)).toBe("queued");
    expect(lab.wakes).toMatchObject([{ operation: id }]); // passed on
    await lab.worker([operation], { node: anotherNode }).run(id, never);
    expect(await lab.stateOf(id)).toBe("succeeded");
  });

  test("it does not begin before the time it was given", async () => {
    const lab = new Lab(home().store);
    const operation = anOperation();
    const at = lab.clock.now() + 60_000;
    const id = await lab.start(operation, 1, { runAfter: at });
    const worker = lab.worker([operation]);
    expect(lab.wakes).toMatchObject([{ at }]);
    await worker.run(id, never);
    expect(await lab.ledger.find(id)).toMatchObject({ state: "queued", runAfter: at });
    lab.clock.move(60_001);
    await worker.run(id, never);
    expect(await lab.stateOf(id)).toBe("succeeded");
  });

  test("it hands an operation that it does not know back to a worker that does", async () => {
    const lab = new Lab(home().store);
    const operation = anOperation();
    const id = await lab.start(operation);
    await lab.worker([]).run(id, never);
    expect(await lab.stateOf(id)).toBe("running");
    lab.clock.move(31_000);
    await lab.worker([operation]).run(id, never);
    expect(await lab.stateOf(id)).toBe("succeeded");
  });

  test("it exists exactly if its write commits", async () => {
    const lab = new Lab(home().store);
    const operation = anOperation();
    const id = await lab.start(operation);
    const write = new Write();
    const options = {
      definition: operation,
      input: { n: 1 },
      workspace: "ws_x" as never,
      subject: subject("app", "x"),
      actor: { label: "ada" },
    };
    const other = lab.ledger.start(write, options);
    lab.ledger.start(write, { ...options, id }); // there already
    await expect(write.commit(lab.store)).rejects.toMatchObject({ kind: "conflict", code: "unique_violation" });
    expect(await lab.ledger.find(other)).toBeNull();
    expect(await lab.actionsOf(other)).toEqual([]);
    expect(lab.wakes.filter((wake) => wake.operation === other)).toEqual([]);
  });
}
