/**
 * The worker's loop: ask the rules for the next move, make it, save what came of it, until the operation has ended or
 * has to wait. At most one try of each step is made here; a retry waits in the database and is claimed anew.
 */
import { Write } from "../database/index.ts";
import { isRetryable, toNornsError, type NornsError } from "../errors/index.ts";
import type { Log } from "../log/index.ts";
import { operationEnded } from "./announce.ts";
import type { OperationError, OperationState, StepDefinition, StepResult } from "./contract.ts";
import { clean, LeaseLost, toOperationError, workerLost } from "./errors.ts";
import type { InHand } from "./in-hand.ts";
import { keptSteps, nextMove, nextToUndo, policyOf, waitBeforeNextTry } from "./rules.ts";
import { tryStep, tryUndo, type StepDeps } from "./run-step.ts";

export interface RunDeps extends StepDeps {
  readonly log: Log;
  /** How many workers in a row may be lost in one step before it counts as failed. */
  readonly lossLimit: number;
}

type Next = "go on" | "let go";

export async function runOperation<Input>(deps: RunDeps, hand: InHand<Input>): Promise<void> {
  let next: Next = hand.row.losses > deps.lossLimit ? await giveUpOn(deps, hand) : "go on";
  if (next === "go on") next = await announceFirst(hand);
  while (next === "go on") {
    if (hand.interruption === "lost" || deps.clock.now() >= hand.until) throw new LeaseLost(hand.id);
    const move = nextMove(hand.definition, hand.position);
    if (hand.interruption === "stopping" && move.kind !== "end") next = await handBack(deps, hand);
    else if (move.kind === "run") next = await runOne(deps, hand, move.step);
    else if (move.kind === "undo") next = await undoOne(deps, hand, move.step);
    else if (move.kind === "begin-undo") next = await beginUndo(hand, "cancel", hand.error);
    else next = await end(deps, hand, move.state);
  }
}

/** The first step of this claim has no save before it that could carry its `step.start`. */
async function announceFirst<Input>(hand: InHand<Input>): Promise<Next> {
  const move = nextMove(hand.definition, hand.position);
  if (move.kind !== "run" || !hand.definition.announcesSteps) return "go on";
  const attempt = hand.attemptOf(move.step);
  hand.announce("start", move.step, { attempt });
  await hand.save({ state: "running", step: move.step.name, attempt });
  return "go on";
}

async function runOne<Input>(deps: RunDeps, hand: InHand<Input>, step: StepDefinition<Input>): Promise<Next> {
  const attempt = hand.attemptOf(step);
  const startedAt = deps.clock.now();
  hand.begin(step);
  const outcome = await tryStep(deps, hand, step);
  if (outcome.kind === "stopped") return handBack(deps, hand);
  if (outcome.kind === "failed") return failed(deps, hand, step, outcome.error, startedAt);

  const before = hand.steps.get(step.name);
  const durationMs = Math.max(0, deps.clock.now() - startedAt);
  const { result } = outcome;
  hand.error = undefined; // of an earlier try
  if ("skipped" in result) {
    const reason = clean(result.skipped);
    hand.record(step, { state: "skipped", attempt, startedAt, skipReason: reason, error: undefined, output: undefined });
    hand.announce("skipped", step, { attempt, durationMs, reason });
  } else {
    hand.record(step, { state: "done", attempt, startedAt, output: result.output, error: undefined, skipReason: undefined });
    hand.announce("complete", step, { attempt, durationMs });
  }
  try {
    return await saveThrough(deps, hand, step, result);
  } catch (error) {
    if (error instanceof LeaseLost || !("done" in result) || !result.write) throw error;
    // The room's own rows were refused (or the database is away, with rows that can be sent once only): the try failed.
    hand.forget(step, before);
    return failed(deps, hand, step, toNornsError(error), startedAt);
  }
}

/** The step's record goes out with what follows it: the next step taken in hand, or the operation's end. */
async function saveThrough<Input>(deps: RunDeps, hand: InHand<Input>, step: StepDefinition<Input>, result: StepResult): Promise<Next> {
  const write = "done" in result ? result.write : undefined;
  const move = nextMove(hand.definition, hand.position);
  if (move.kind === "end") return end(deps, hand, move.state, write);
  if (move.kind === "run") {
    hand.announce("start", move.step, { attempt: hand.attemptOf(move.step) });
    if (!step.pure || write) await hand.save({ state: "running", step: move.step.name, attempt: hand.attemptOf(move.step), write });
  } else if (write) await hand.save({ state: "running", write });
  return "go on";
}

async function failed<Input>(
  deps: RunDeps,
  hand: InHand<Input>,
  step: StepDefinition<Input>,
  error: NornsError,
  startedAt: number,
): Promise<Next> {
  const attempt = hand.attemptOf(step);
  if (error.kind === "bug")
    deps.log.error({ operation: hand.id, step: step.name, error: error.cause ?? error }, "a step failed in a way it should not");
  const stored = toOperationError(error, step.name);
  const policy = policyOf(hand.definition, step);
  const waitMs = isRetryable(error) && !hand.cancelRequested ? waitBeforeNextTry(policy, attempt) : undefined;
  const durationMs = Math.max(0, deps.clock.now() - startedAt);
  hand.record(step, { state: "failed", attempt, startedAt, error: stored });
  hand.announce("failed", step, { attempt, durationMs, error: stored, retryInMs: waitMs });
  if (hand.cancelRequested) return "go on"; // the rules say what a cancel asks for
  if (waitMs !== undefined) {
    await hand.save({ state: "retrying", step: step.name, attempt: attempt + 1, handBackAt: deps.clock.now() + waitMs, error: stored });
    return "let go";
  }
  return failedForGood(deps, hand, stored);
}

async function failedForGood<Input>(deps: RunDeps, hand: InHand<Input>, error: OperationError): Promise<Next> {
  const { steps } = hand.position;
  const kept = keptSteps(hand.definition, steps);
  const said =
    kept.length === 0
      ? error
      : { ...error, message: `${error.message} Not taken back: ${kept.map(({ step, why }) => `${step} (${why})`).join(", ")}.` };
  if (hand.definition.undoesOnFailure !== false && nextToUndo(hand.definition, steps)) return beginUndo(hand, "failure", said);
  return end(deps, hand, "failed", undefined, said);
}

/** From here on what was done is taken back. Steps that may have begun without leaving a record get one now. */
async function beginUndo<Input>(hand: InHand<Input>, why: "failure" | "cancel", error: OperationError | undefined): Promise<Next> {
  for (const step of hand.definition.steps)
    if (hand.position.steps.get(step.name) === "failed" && hand.steps.get(step.name)?.state !== "failed")
      hand.record(step, { state: "failed" });
  const first = nextToUndo(hand.definition, hand.position.steps);
  await hand.save({ state: "undoing", undoingFor: why, error, attempt: 1, ...(first ? { step: first.name } : {}) });
  return "go on";
}

async function undoOne<Input>(deps: RunDeps, hand: InHand<Input>, step: StepDefinition<Input>): Promise<Next> {
  const attempt = hand.attemptOf(step);
  const outcome = await tryUndo(deps, hand, step);
  if (outcome.kind === "stopped") return handBack(deps, hand);
  if (outcome.kind === "through") {
    hand.record(step, { state: "undone" });
    hand.announce("undone", step, { attempt });
    const move = nextMove(hand.definition, hand.position);
    if (move.kind === "undo") await hand.save({ state: "undoing", step: move.step.name, attempt: 1 });
    return "go on";
  }
  const waitMs = isRetryable(outcome.error) ? waitBeforeNextTry(policyOf(hand.definition, step), attempt) : undefined;
  if (waitMs !== undefined) {
    await hand.save({ state: "undoing", step: step.name, attempt: attempt + 1, handBackAt: deps.clock.now() + waitMs });
    return "let go";
  }
  return undoFailed(deps, hand, step, outcome.error);
}

/** What lies before this step is left as it is: taking it away from under a step that is still there would be worse. */
async function undoFailed<Input>(deps: RunDeps, hand: InHand<Input>, step: StepDefinition<Input>, error: NornsError): Promise<Next> {
  const stored = toOperationError(error, step.name);
  const first = hand.error ? `${hand.error.message} ` : "";
  const said: OperationError = { ...stored, message: `${first}Then the step ${step.name} could not be taken back: ${stored.message}` };
  hand.record(step, { state: "failed", error: stored });
  hand.announce("undo_failed", step, { attempt: hand.attemptOf(step), error: stored });
  return end(deps, hand, "undo_failed", undefined, said);
}

/** A step that takes its worker down each time is not tried for ever. */
async function giveUpOn<Input>(deps: RunDeps, hand: InHand<Input>): Promise<Next> {
  const move = nextMove(hand.definition, hand.position);
  if (move.kind === "undo") return undoFailed(deps, hand, move.step, workerLost(move.step.name, hand.row.losses));
  if (move.kind !== "run") return "go on";
  const stored = toOperationError(workerLost(move.step.name, hand.row.losses), move.step.name);
  hand.record(move.step, { state: "failed", attempt: hand.attemptOf(move.step), error: stored });
  return failedForGood(deps, hand, stored);
}

async function handBack<Input>(deps: RunDeps, hand: InHand<Input>): Promise<Next> {
  await hand.save({ state: hand.state, handBackAt: deps.clock.now() });
  return "let go";
}

async function end<Input>(deps: RunDeps, hand: InHand<Input>, state: OperationState, write?: Write, error = hand.error): Promise<Next> {
  const { definition, input, row } = hand;
  const told = state === "succeeded" ? undefined : error;
  const operation = { ...hand.operation, state, error: told };
  const roomWrites = (): Write => {
    const room = new Write();
    definition.onEnd?.({ operation, input, state, error: told }, room);
    return room;
  };
  const event = operationEnded(row, state, told, Math.max(0, deps.clock.now() - (row.started_at ?? row.created_at)));
  await hand.save({
    state,
    error: told,
    events: [event],
    write,
    makeWrite: definition.onEnd && !roomWrites().isEmpty ? roomWrites : undefined,
  });
  return "let go";
}
