import { expect, test } from "vitest";
import { invalid } from "../../errors/index.ts";
import { subject } from "../../events/index.ts";
import { done } from "../contract.ts";
import { anOperation, aWorkspace, Lab } from "../fixtures.ts";
import type { Home } from "../conformance.ts";

export function testsOfReading(home: Home): void {
  test("it lists operations newest first, a page at a time, by workspace, subject, queue, name and state", async () => {
    const lab = new Lab(home().store);
    const operation = anOperation();
    const ids: string[] = [];
    for (let n = 0; n < 5; n++) ids.push(await lab.start(operation, n, { subject: subject("app", `of-${operation.queue}-${n % 2}`) }));
    const of = { queue: operation.queue, workspaces: [aWorkspace] };
    const first = await lab.ledger.list({ ...of, limit: 3 });
    const second = await lab.ledger.list({ ...of, limit: 3, cursor: first.cursor! });
    expect([...first.operations, ...second.operations].map((one) => one.id)).toEqual(ids.toReversed());
    expect(second.cursor).toBeUndefined();
    const odd = await lab.ledger.list({
      subject: subject("app", `of-${operation.queue}-1`),
      name: operation.name,
      states: ["queued"],
      limit: 10,
    });
    expect(odd.operations.map((one) => one.id)).toEqual([ids[3], ids[1]]);
    expect((await lab.ledger.list({ ...of, workspaces: [], limit: 10 })).operations).toEqual([]);
    expect((await lab.ledger.list({ ...of, workspaces: ["ws_other" as never], limit: 10 })).operations).toEqual([]);
    await expect(lab.ledger.list({ limit: 1, cursor: "x" })).rejects.toMatchObject({ kind: "invalid" });
  });

  test("it keeps a page as long as nothing on it changes, and no longer", async () => {
    const lab = new Lab(home().store);
    let isBroken = true;
    const operation = anOperation([{ run: async () => (isBroken ? Promise.reject(invalid("no", "No.")) : done()) }]);
    const worker = lab.worker([operation]);
    const list = async () => await lab.ledger.list({ queue: operation.queue, limit: 100 });
    const states = async () => {
      const all = (await list()).operations;
      // A page of some states agrees with the page of all, whoever was kept from before.
      for (const state of ["queued", "failed"] as const) {
        const some = await lab.ledger.list({ queue: operation.queue, states: [state], limit: 100 });
        expect(some.operations).toEqual(all.filter((one) => one.state === state));
      }
      return all.map((one) => one.state);
    };
    expect(await states()).toEqual([]);
    await lab.start(operation, 1);
    const waiting = await list();
    expect(waiting.operations).toMatchObject([{ state: "queued", input: { n: 1 } }]);
    expect(await list()).toBe(waiting);
    await lab.ledger.cancel(waiting.operations[0]!.id, { label: "grace" });
    await lab.deliver(worker);
    expect(await states()).toEqual(["cancelled"]);
    const id = await lab.start(operation, 2);
    expect(await states()).toEqual(["queued", "cancelled"]);
    await lab.deliver(worker);
    expect(await states()).toEqual(["failed", "cancelled"]);
    isBroken = false;
    await lab.ledger.retry(id, { label: "grace" });
    expect(await states()).toEqual(["queued", "cancelled"]);
    await lab.deliver(worker);
    expect(await states()).toEqual(["succeeded", "cancelled"]);
  });

  test("it shows the dead letters of every queue, which a retry takes away", async () => {
    const lab = new Lab(home().store);
    let isBroken = true;
    const operation = anOperation([
      { run: async ({ input }) => (isBroken && input.n > 1 ? Promise.reject(invalid("no", "No.")) : done()) },
    ]);
    for (const n of [1, 2, 3]) await lab.start(operation, n);
    const worker = lab.worker([operation]);
    await lab.deliver(worker);
    const { operations: dead } = await lab.ledger.deadLetters({ queue: operation.queue, limit: 10 });
    expect(dead.map((one) => one.input)).toEqual([{ n: 3 }, { n: 2 }]);
    expect((await lab.ledger.deadLetters({ workspaces: ["ws_other" as never], limit: 10 })).operations).toEqual([]);
    expect((await lab.ledger.queues()).find((one) => one.queue === operation.queue)).toMatchObject({ queued: 0, running: 0, dead: 2 });
    isBroken = false;
    for (const letter of dead) await lab.ledger.retry(letter.id, { label: "grace" });
    await lab.deliver(worker);
    expect((await lab.ledger.deadLetters({ queue: operation.queue, limit: 10 })).operations).toEqual([]);
  });

  test("it says how deep each queue is, and how old", async () => {
    const lab = new Lab(home().store);
    const operation = anOperation();
    const before = lab.clock.now();
    for (const n of [1, 2, 3]) await lab.start(operation, n);
    const depth = (await lab.ledger.queues()).find((one) => one.queue === operation.queue)!;
    expect(depth).toMatchObject({ queued: 3, running: 0, dead: 0 });
    expect(depth.oldestQueuedAt).toBeGreaterThanOrEqual(before);
    await lab.deliver(lab.worker([operation]));
    expect((await lab.ledger.queues()).find((one) => one.queue === operation.queue)).toBeUndefined();
  });
}
