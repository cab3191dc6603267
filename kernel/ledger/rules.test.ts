import { readFile } from "node:fs/promises";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { operationStates, stepStates, done, type StepState } from "./contract.ts";
import { anOperation } from "./fixtures.ts";
import { renderStates } from "./render-states.ts";
import {
  endStates,
  hasEnded,
  mayBecome,
  mayHaveRun,
  nextMove,
  operationTransitions,
  stepsToRepeat,
  stepTransitions,
  waitBeforeNextTry,
  type Position,
} from "./rules.ts";

const undo = async () => {};
const aDefinition = fc
  .array(fc.record({ canUndo: fc.boolean(), pure: fc.boolean() }), { minLength: 1, maxLength: 6 })
  .map((steps) => anOperation(steps.map(({ canUndo, pure }) => ({ pure, run: async () => done(), ...(canUndo ? { undo } : {}) }))));
const aStep = fc.constantFrom<StepState>(...stepStates);

describe("the rules of operations", () => {
  test("it reaches every state from queued, and some end from every state", () => {
    const reach = (from: string): Set<string> => {
      const seen = new Set([from]);
      for (const state of seen) for (const { from: source, to } of operationTransitions) if (source === state) seen.add(to);
      return seen;
    };
    expect([...reach("queued")].toSorted()).toEqual([...operationStates].toSorted());
    for (const state of operationStates) expect([...reach(state)].some((found) => hasEnded(found as never))).toBe(true);
    expect(new Set(stepTransitions.flatMap(({ from, to }) => [from, to]))).toEqual(new Set(stepStates));
  });

  test("it makes only moves that the transition table allows, and always comes to an end", () => {
    const property = fc.property(
      aDefinition,
      fc.array(aStep, { minLength: 6, maxLength: 6 }),
      fc.boolean(),
      fc.infiniteStream(fc.boolean()),
      (definition, states, isCancelled, luck) => {
        const steps = new Map(definition.steps.map((step, index) => [step.name, states[index]!]));
        let at: Position = { state: "running", undoingFor: undefined, cancelRequested: isCancelled, steps };
        for (let moves = 0; moves < 40; moves++) {
          const move = nextMove(definition, at);
          if (move.kind === "end") {
            expect(mayBecome(at.state, move.state)).toBe(true);
            return;
          }
          if (move.kind === "begin-undo") at = { ...at, state: "undoing", undoingFor: move.why };
          else if (move.kind === "undo") steps.set(move.step.name, "undone");
          else if (luck.next().value) steps.set(move.step.name, "done");
          else {
            steps.set(move.step.name, "failed");
            at = { ...at, state: "undoing", undoingFor: "failure" };
          }
        }
        throw new Error("it did not come to an end");
      },
    );
    fc.assert(property);
  });

  test("it never says that nothing ran where the next step to run is", () => {
    fc.assert(
      fc.property(aDefinition, fc.array(aStep, { minLength: 6, maxLength: 6 }), (definition, states) => {
        const steps = new Map(definition.steps.map((step, index) => [step.name, states[index]!]));
        const move = nextMove(definition, { state: "running", undoingFor: undefined, cancelRequested: false, steps });
        const suspects = mayHaveRun(definition, steps);
        if (move.kind === "run") expect(suspects[0]).toBe(move.step);
        else expect(suspects).toEqual([]);
        expect(suspects.slice(0, -1).every((step) => step.pure)).toBe(true);
      }),
    );
  });

  test("it repeats what failed or was undone, and what was skipped behind it", () => {
    const step = (name: string, position: number, state: StepState) => ({ name, position, state });
    expect(
      stepsToRepeat([
        step("a", 0, "skipped"),
        step("b", 1, "done"),
        step("c", 2, "undone"),
        step("d", 3, "skipped"),
        step("e", 4, "failed"),
      ]),
    ).toEqual(["c", "e", "d"]);
    expect(stepsToRepeat([step("a", 0, "done")])).toEqual([]);
  });

  test("it waits longer each time, and not after the last try", () => {
    const policy = { tries: 4, backoffMs: 3_000, factor: 2 };
    expect([1, 2, 3, 4].map((attempt) => waitBeforeNextTry(policy, attempt))).toEqual([3_000, 6_000, 12_000, undefined]);
    expect(waitBeforeNextTry({ tries: 99, backoffMs: 3_000, factor: 2 }, 30)).toBe(15 * 60_000);
  });

  test("it is what docs/operation-states.md says", async () => {
    expect(await readFile(new URL("../../docs/operation-states.md", import.meta.url), "utf8")).toBe(renderStates());
    expect(endStates.every((state) => operationStates.includes(state))).toBe(true);
  });
});
