import { expect, test } from "vitest";
import { Write } from "../../database/index.ts";
import { bug, conflict, invalid, unavailable } from "../../errors/index.ts";
import { done, skipped } from "../contract.ts";
import { anOperation, Lab, never, quick, untilStopped } from "../fixtures.ts";
import { statement } from "../statements.ts";
import type { Home } from "../conformance.ts";

export function testsOfSteps(home: Home): void {
  test("it runs the steps in order, hands outputs on, and records them", async () => {
    const lab = new Lab(home().store);
    const operation = anOperation([
      { run: async ({ input }) => done({ n: input.n + 1 }) },
      { pure: true, run: async () => skipped("there is nothing to do") },
      { run: async (context) => done(context.outputOf<{ n: number }>("a").n + 1) },
    ]);
    const id = await lab.start(operation, 40);
    await lab.deliver(lab.worker([operation]));
    expect(await lab.ledger.find(id)).toMatchObject({
      state: "succeeded",
      error: undefined,
      steps: [
        { name: "a", state: "done", attempt: 1, output: { n: 41 } },
        { name: "b", state: "skipped", skipReason: "there is nothing to do" },
        { name: "c", state: "done", output: 42 },
      ],
    });
  });

  test("it tells the start and the end always, and each step when the definition says so", async () => {
    const lab = new Lab(home().store);
    const quiet = anOperation([{}, {}]);
    const loud = anOperation([{}, { pure: true, run: async () => skipped("no") }], { announcesSteps: true });
    const [one, two] = [await lab.start(quiet), await lab.start(loud)];
    await lab.deliver(lab.worker([quiet, loud]));
    expect(await lab.actionsOf(one)).toEqual(["deploy.start", "deploy.complete"]);
    expect(await lab.actionsOf(two)).toEqual([
      "deploy.start",
      "step.start",
      "step.complete",
      "step.start",
      "step.skipped",
      "deploy.complete",
    ]);
    const { events } = await lab.events.list({ operation: two, limit: 10, order: "asc" });
    expect(events[2]!.metadata).toMatchObject({
      step: "a",
      index: "0",
      total: "2",
      attempt: "1",
      durationMs: expect.stringMatching(/^\d+$/),
    });
  });

  test("it tries again what was away or broke, after a wait and without holding a worker", async () => {
    const lab = new Lab(home().store);
    const attempts: number[] = [];
    const operation = anOperation([
      {},
      {
        retry: { tries: 3, backoffMs: 40, factor: 2 },
        async run({ operation: { attempt } }) {
          attempts.push(attempt);
          if (attempt === 1) throw unavailable("away", "The other side is away.");
          if (attempt === 2) throw new Error("broken");
          return done();
        },
      },
    ]);
    const id = await lab.start(operation);
    const worker = lab.worker([operation]);
    const before = lab.clock.now();
    await worker.run(lab.wakes.shift()!.operation, never);
    expect(await lab.ledger.find(id)).toMatchObject({
      state: "retrying",
      attempt: 2,
      error: { code: "away", step: "b" },
      steps: [{ state: "done" }, { state: "failed" }],
    });
    expect(lab.wakes[0]!.at).toBeGreaterThanOrEqual(before + 40);
    await lab.deliver(worker);
    expect(attempts).toEqual([1, 2, 3]);
    expect(await lab.ledger.find(id)).toMatchObject({
      state: "succeeded",
      error: undefined,
      steps: [{ attempt: 1 }, { attempt: 3, state: "done" }],
    });
    expect(lab.clock.now() - before).toBeGreaterThanOrEqual(40 + 80);
  });

  test("it ends at once on an error that no repeat can mend", async () => {
    const lab = new Lab(home().store);
    let runs = 0;
    const operation = anOperation([
      { retry: quick(5), run: async () => (runs++, Promise.reject(invalid("bad_spec", "The spec is wrong."))) },
    ]);
    const id = await lab.start(operation);
    await lab.deliver(lab.worker([operation]));
    expect(runs).toBe(1);
    expect(await lab.ledger.find(id)).toMatchObject({
      state: "failed",
      error: { kind: "invalid", code: "bad_spec", message: "The spec is wrong.", step: "a" },
    });
    expect(await lab.actionsOf(id)).toEqual(["deploy.start", "deploy.failed"]);
  });

  test("it undoes the done steps and the failing one, last first, and says what it keeps", async () => {
    const lab = new Lab(home().store);
    const undone: unknown[] = [];
    const undo = async (context: { operation: { attempt: number } }, output: unknown) =>
      void undone.push(output ?? context.operation.attempt);
    const operation = anOperation([
      { run: async () => done("first"), undo },
      { run: async () => done("kept"), cannotUndo: "data is never taken away" },
      { run: async () => skipped("no") },
      { run: async () => done("fourth"), undo },
      { run: async () => Promise.reject(conflict("taken", "The port is taken.")), undo },
    ]);
    const id = await lab.start(operation);
    await lab.deliver(lab.worker([operation]));
    expect(undone).toEqual([1, "fourth", "first"]);
    expect(await lab.stepsOf(id)).toEqual({ a: "undone", b: "done", c: "skipped", d: "undone", e: "undone" });
    expect(await lab.ledger.find(id)).toMatchObject({
      state: "undone",
      error: { code: "taken", message: "The port is taken. Not taken back: b (data is never taken away)." },
    });
    expect(await lab.actionsOf(id)).toEqual(["deploy.start", "deploy.undone"]);
  });

  test("it leaves the done steps alone when the definition says so", async () => {
    const lab = new Lab(home().store);
    const operation = anOperation([{ undo: async () => expect.unreachable() }, { run: async () => Promise.reject(invalid("no", "No.")) }], {
      undoesOnFailure: false,
    });
    const id = await lab.start(operation);
    await lab.deliver(lab.worker([operation]));
    expect(await lab.stateOf(id)).toBe("failed");
    expect(await lab.stepsOf(id)).toEqual({ a: "done", b: "failed" });
  });

  test("it repeats an undo, and ends undo_failed when that fails for good", async () => {
    const lab = new Lab(home().store);
    let undos = 0;
    const operation = anOperation([
      { undo: async () => expect.unreachable() },
      { retry: quick(3), undo: async () => (undos++, Promise.reject(unavailable("away", "The engine is away."))) },
      { run: async () => Promise.reject(invalid("no", "No.")) },
    ]);
    const id = await lab.start(operation);
    await lab.deliver(lab.worker([operation]));
    expect(undos).toBe(3);
    expect(await lab.ledger.find(id)).toMatchObject({
      state: "undo_failed",
      error: { code: "away", step: "b", message: "No. Then the step b could not be taken back: The engine is away." },
    });
    expect(await lab.stepsOf(id)).toEqual({ a: "done", b: "failed", c: "failed" });
  });

  test("it stops a step whose time is up", async () => {
    const lab = new Lab(home().store);
    let reason: unknown;
    const operation = anOperation([
      {
        timeoutMs: 60,
        run: async (context) => untilStopped(context).catch((error: unknown) => ((reason = error), Promise.reject(bug("x", "x")))),
      },
    ]);
    const id = await lab.start(operation);
    await lab.deliver(lab.worker([operation]));
    expect(reason).toMatchObject({ code: "step_timeout" });
    expect(await lab.ledger.find(id)).toMatchObject({ state: "failed", error: { kind: "unavailable", code: "step_timeout" } });
  });

  test("it leaves a step behind that does not stop when told to", async () => {
    const lab = new Lab(home().store);
    const operation = anOperation([{ timeoutMs: 40, run: () => new Promise(() => {}) }]);
    const id = await lab.start(operation);
    await lab.deliver(lab.worker([operation], { graceMs: 40 }));
    expect(await lab.stateOf(id)).toBe("failed");
  });

  test("it commits a step's own rows with the step's record, or neither", async () => {
    const lab = new Lab(home().store);
    const setActor = statement(lab.store.dialect, "update {operations} set actor = ?2 where id = ?1");
    const duplicate = statement(
      lab.store.dialect,
      "insert into {operation_steps} (operation, name, position, state, attempt, epoch) values (?1, 'a', 0, 'done', 1, 1)",
    );
    const operation = anOperation([
      {
        async run({ operation: { id } }) {
          const write = new Write();
          write.add(setActor([id, "grace"]));
          return done("first", write);
        },
      },
      {
        async run({ operation: { id } }) {
          const write = new Write();
          write.add(setActor([id, "nobody"]));
          write.add(duplicate([id]));
          return done("second", write);
        },
      },
    ]);
    const id = await lab.start(operation);
    await lab.deliver(lab.worker([operation]));
    expect(await lab.ledger.find(id)).toMatchObject({
      state: "failed",
      actor: "grace",
      error: { kind: "conflict", code: "unique_violation", step: "b" },
      steps: [
        { state: "done", output: "first" },
        { state: "failed", output: undefined },
      ],
    });
  });

  test("it adds the room's rows to the very write that ends the operation, whatever the end", async () => {
    const lab = new Lab(home().store);
    const setActor = statement(lab.store.dialect, "update {operations} set actor = ?2 where id = ?1");
    const onEnd = (end: { operation: { id: string }; state: string }, write: Write) =>
      void write.add(setActor([end.operation.id, `room: ${end.state}`]));
    const good = anOperation([{}], { onEnd });
    const bad = anOperation([{ undo: async () => {} }, { run: async () => Promise.reject(invalid("no", "No.")) }], { onEnd });
    const [one, two, three] = [await lab.start(good), await lab.start(bad), await lab.start(good)];
    await lab.ledger.cancel(three, { label: "ada" });
    await lab.deliver(lab.worker([good, bad]));
    expect((await lab.ledger.find(one))!.actor).toBe("room: succeeded");
    expect((await lab.ledger.find(two))!.actor).toBe("room: undone");
    expect((await lab.ledger.find(three))!.actor).toBe("room: cancelled");
  });

  test("it keeps a step's progress as events, and does not wait for them", async () => {
    const lab = new Lab(home().store);
    const operation = anOperation([
      { run: async (context) => (context.progress("half way", { percent: "50" }), await context.clock.sleep(100), done()) },
    ]);
    const id = await lab.start(operation);
    await lab.deliver(lab.worker([operation]));
    expect(await lab.actionsOf(id)).toEqual(["deploy.start", "step.progress", "deploy.complete"]);
  });

  test("it refuses a stored input that this version does not understand, as a dead letter", async () => {
    const lab = new Lab(home().store);
    const spoil = statement(lab.store.dialect, "update {operations} set input = '{}' where id = ?1");
    const operation = anOperation();
    const id = await lab.start(operation);
    await lab.store.batch([spoil([id])]);
    await lab.deliver(lab.worker([operation]));
    expect(await lab.ledger.find(id)).toMatchObject({ state: "failed", error: { code: "operation_input_invalid" } });
  });
}
