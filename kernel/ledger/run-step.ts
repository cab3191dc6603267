/**
 * One try of one step, or of its undo: with a signal that says when to stop, a time limit, and the question whether an
 * earlier try has already done it. Whatever happens comes back as a value.
 */
import type { Clock } from "../clock/index.ts";
import { bug, NornsError } from "../errors/index.ts";
import type { Json, StepContext, StepDefinition, StepResult } from "./contract.ts";
import { LeaseLost, stepBroke, stepCancelled, stepTimedOut } from "./errors.ts";
import type { InHand } from "./in-hand.ts";
import type { Interruption } from "./leases.ts";

export type Outcome<Result> =
  | { readonly kind: "through"; readonly result: Result }
  | { readonly kind: "failed"; readonly error: NornsError }
  /** The worker stops: the step is neither through nor failed. */
  | { readonly kind: "stopped" };

export interface StepDeps {
  readonly clock: Clock;
  /** How long a step that was told to stop may take for it. */
  readonly graceMs: number;
  progress(hand: InHand<never>, step: string, message: string, metadata: Readonly<Record<string, string>>): void;
}

/** Runs the step; asks its probe first when an earlier try may have had its effect. Throws LeaseLost only. */
export function tryStep<Input>(deps: StepDeps, hand: InHand<Input>, step: StepDefinition<Input>): Promise<Outcome<StepResult>> {
  return withinLimits(deps, hand, step, async (context) => {
    if (step.probe && hand.mayHaveRunBefore) {
      const found = await step.probe(context);
      if (found) return found;
      if (context.signal.aborted) throw context.signal.reason;
    }
    return await step.run(context);
  });
}

/** Takes the step back. A cancel does not stop it: it is what a cancel asks for. */
export function tryUndo<Input>(deps: StepDeps, hand: InHand<Input>, step: StepDefinition<Input>): Promise<Outcome<void>> {
  return withinLimits(deps, hand, step, async (context) => {
    await step.undo!(context, hand.steps.get(step.name)?.output);
  });
}

const stopped = Symbol("stopped");
/** Why the step's timer is put off. Given, because `abort()` without a reason makes an error with a stack for nobody. */
const through = Symbol("through");

async function withinLimits<Input, Result>(
  deps: StepDeps,
  hand: InHand<Input>,
  step: StepDefinition<Input>,
  body: (context: StepContext<Input>) => Promise<Result>,
): Promise<Outcome<Result>> {
  const abort = new AbortController();
  const timer = new AbortController();
  let reason: NornsError | typeof stopped | LeaseLost | undefined;
  const { promise: told, resolve: tell } = Promise.withResolvers<void>();
  const stop = (why: NornsError | typeof stopped | LeaseLost) => {
    reason = why;
    tell();
    abort.abort(why === stopped ? new Error("The worker stops.") : why);
  };
  const reasonFor = (why: Interruption) =>
    why === "lost" ? new LeaseLost(hand.id) : why === "stopping" ? stopped : stepCancelled(step.name);
  const unhook = hand.onInterrupt((why) => stop(reasonFor(why)));
  if (hand.interruption) stop(reasonFor(hand.interruption));

  const settled = settle(body(contextFor(deps, hand, step, abort.signal)));
  void deps.clock.sleep(step.timeoutMs, timer.signal).then(
    () => stop(stepTimedOut(step.name, step.timeoutMs)),
    () => undefined, // put off: the step was faster
  );
  try {
    let outcome = await Promise.race([settled, told]);
    if (!outcome) outcome = await Promise.race([settled, deps.clock.sleep(deps.graceMs, timer.signal).then(() => undefined)]);
    if (reason instanceof LeaseLost) throw reason;
    if (outcome && "result" in outcome) return { kind: "through", result: outcome.result };
    if (reason === stopped) return { kind: "stopped" };
    const thrown = reason ?? outcome?.thrown;
    return { kind: "failed", error: thrown instanceof NornsError ? thrown : stepBroke(step.name, thrown) };
  } finally {
    unhook();
    timer.abort(through);
  }
}

type Settled<Result> = { readonly result: Result } | { readonly thrown: unknown };

const settle = <Result>(promise: Promise<Result>): Promise<Settled<Result>> =>
  promise.then(
    (result) => ({ result }),
    (thrown: unknown) => ({ thrown }),
  );

function contextFor<Input>(deps: StepDeps, hand: InHand<Input>, step: StepDefinition<Input>, signal: AbortSignal): StepContext<Input> {
  const { row } = hand;
  return {
    operation: {
      id: hand.id,
      workspace: hand.operation.workspace,
      subject: hand.operation.subject,
      actor: row.actor,
      attempt: hand.attemptOf(step),
      epoch: hand.epoch,
      createdAt: row.created_at,
    },
    input: hand.input,
    signal,
    clock: deps.clock,
    outputOf<Output extends Json>(name: string): Output {
      const record = hand.steps.get(name);
      if (!record || record.output === undefined || record.state === "pending")
        throw bug("step_output_missing", `The step ${name} of ${row.name} has no output yet.`);
      // The caller names the type of what the other step of the same definition returned.
      return record.output as Output;
    },
    progress: (message, metadata = {}) => deps.progress(hand as InHand<never>, step.name, message, metadata),
  };
}
