/**
 * What an operation may do next: pure, no clock, no database. This page is the state machine; everything else in this
 * folder reads or writes what it says.
 *
 * An operation is born `queued`. A worker's claim makes it `running`; it runs the steps in order until none is left and
 * it has `succeeded`. A step that fails with tries left sends it to `retrying`: no worker holds it until its time comes
 * and a claim makes it `running` again. The last failure, or a person's cancel, turns it to `undoing`: what was done is
 * taken back, last first, and it ends `undone` (after a failure) or `cancelled` (after a cancel). With nothing to take
 * back it ends `failed` or `cancelled` at once; when taking back fails for good it ends `undo_failed`. The three
 * unhappy ends (`failed`, `undone`, `undo_failed`) are the dead letters: a person may put them back to `queued`.
 */
import type { OperationDefinition, OperationState, RetryPolicy, StepDefinition, StepState } from "./contract.ts";
import { retryPolicyOf } from "./queues.ts";

export interface Transition<State extends string> {
  readonly from: State;
  readonly to: State;
  readonly when: string;
}

export const operationTransitions: readonly Transition<OperationState>[] = [
  { from: "queued", to: "running", when: "a worker claims it" },
  { from: "running", to: "running", when: "a step is through and another follows, or its worker was lost and another takes over" },
  { from: "running", to: "succeeded", when: "its last step is through" },
  { from: "running", to: "retrying", when: "a step failed and has tries left" },
  { from: "running", to: "undoing", when: "a step failed for good, or a person cancelled, and something can be taken back" },
  { from: "running", to: "failed", when: "a step failed for good and nothing is to be taken back" },
  { from: "running", to: "cancelled", when: "a person cancelled and there is nothing to take back" },
  { from: "retrying", to: "running", when: "the wait is over and a worker claims it" },
  {
    from: "undoing",
    to: "undoing",
    when: "a step is taken back and another follows, its undo waits to be tried again, or another worker takes over",
  },
  { from: "undoing", to: "undone", when: "all is taken back after a failure" },
  { from: "undoing", to: "cancelled", when: "all is taken back after a cancel" },
  { from: "undoing", to: "undo_failed", when: "an undo failed for good" },
  { from: "failed", to: "queued", when: "a person retries it" },
  { from: "undone", to: "queued", when: "a person retries it" },
  { from: "undo_failed", to: "queued", when: "a person retries it" },
];

export const stepTransitions: readonly Transition<StepState>[] = [
  { from: "pending", to: "running", when: "it is its turn" },
  { from: "running", to: "done", when: "it returned, or its probe found it done" },
  { from: "running", to: "skipped", when: "it had nothing to do and said why" },
  { from: "running", to: "failed", when: "it threw, ran out of time, or was cancelled" },
  { from: "failed", to: "running", when: "it is tried again" },
  { from: "failed", to: "undone", when: "what it may have begun is taken back" },
  { from: "done", to: "undone", when: "it is taken back" },
  { from: "done", to: "failed", when: "its undo failed for good" },
  { from: "undone", to: "pending", when: "a person retries the operation" },
  { from: "failed", to: "pending", when: "a person retries the operation" },
  { from: "skipped", to: "pending", when: "a person retries the operation from a step before it" },
];

export const endStates = ["succeeded", "failed", "cancelled", "undone", "undo_failed"] as const satisfies readonly OperationState[];
export const deadStates = ["failed", "undone", "undo_failed"] as const satisfies readonly OperationState[];

export const hasEnded = (state: OperationState): boolean => (endStates as readonly OperationState[]).includes(state);
export const isDead = (state: OperationState): boolean => (deadStates as readonly OperationState[]).includes(state);
export const mayBecome = (from: OperationState, to: OperationState): boolean =>
  operationTransitions.some((transition) => transition.from === from && transition.to === to);

/** What is known of an operation when the next move is asked for. */
export interface Position {
  readonly state: "running" | "undoing";
  readonly undoingFor: "failure" | "cancel" | undefined;
  readonly cancelRequested: boolean;
  /** States of the steps that have a record; a step without one is pending. */
  readonly steps: ReadonlyMap<string, StepState>;
}

export type Move<Input> =
  | { readonly kind: "run"; readonly step: StepDefinition<Input> }
  | { readonly kind: "undo"; readonly step: StepDefinition<Input> }
  | { readonly kind: "begin-undo"; readonly why: "cancel" }
  | { readonly kind: "end"; readonly state: OperationState };

/** The next move: which step to run or take back, or the end. Steps are known by name, so a definition may change under way. */
export function nextMove<Input>(definition: OperationDefinition<Input>, at: Position): Move<Input> {
  if (at.state === "undoing") {
    const step = nextToUndo(definition, at.steps);
    if (step) return { kind: "undo", step };
    return { kind: "end", state: at.undoingFor === "cancel" ? "cancelled" : "undone" };
  }
  if (at.cancelRequested)
    return nextToUndo(definition, at.steps) ? { kind: "begin-undo", why: "cancel" } : { kind: "end", state: "cancelled" };
  const step = definition.steps.find((candidate) => !isThrough(at.steps.get(candidate.name)));
  return step ? { kind: "run", step } : { kind: "end", state: "succeeded" };
}

const isThrough = (state: StepState | undefined): boolean => state === "done" || state === "skipped";

/** The last step that was done, or failed half-way, and says how to take it back. */
export function nextToUndo<Input>(
  definition: OperationDefinition<Input>,
  steps: ReadonlyMap<string, StepState>,
): StepDefinition<Input> | undefined {
  return definition.steps.findLast((step) => {
    const state = steps.get(step.name);
    return step.undo !== undefined && (state === "done" || state === "failed");
  });
}

/**
 * The steps a lost worker may have run without leaving a record: the first one that is not through and, while those are
 * pure (their records are buffered), the ones behind it up to the first that is not pure.
 */
export function mayHaveRun<Input>(definition: OperationDefinition<Input>, steps: ReadonlyMap<string, StepState>): StepDefinition<Input>[] {
  const found: StepDefinition<Input>[] = [];
  for (const step of definition.steps) {
    if (isThrough(steps.get(step.name))) continue;
    found.push(step);
    if (!step.pure) break;
  }
  return found;
}

/** What a retry by a person runs again: failed and undone steps, and skipped ones behind the first of them. Done stays done. */
export function stepsToRepeat(steps: readonly { readonly name: string; readonly position: number; readonly state: StepState }[]): string[] {
  const broken = steps.filter((step) => step.state === "failed" || step.state === "undone");
  const first = Math.min(...broken.map((step) => step.position));
  const again = steps.filter((step) => step.state === "skipped" && step.position > first);
  return [...broken, ...again].map((step) => step.name);
}

/** The done steps that stay as they are although the operation failed, with the reason their definition gives. */
export function keptSteps<Input>(
  definition: OperationDefinition<Input>,
  steps: ReadonlyMap<string, StepState>,
): { step: string; why: string }[] {
  return definition.steps
    .filter((step) => step.cannotUndo !== undefined && steps.get(step.name) === "done")
    .map((step) => ({ step: step.name, why: step.cannotUndo! }));
}

export const policyOf = (definition: { readonly queue: string }, step: { readonly retry?: RetryPolicy }): RetryPolicy =>
  step.retry ?? retryPolicyOf(definition.queue);

/** How long to wait after try number `attempt` failed; undefined when that was the last. */
export function waitBeforeNextTry(policy: RetryPolicy, attempt: number): number | undefined {
  if (attempt >= policy.tries) return undefined;
  return Math.min(policy.backoffMs * policy.factor ** (attempt - 1), 15 * 60_000);
}
