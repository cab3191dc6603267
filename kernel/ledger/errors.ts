import { bug, conflict, NornsError, notFound, unavailable } from "../errors/index.ts";
import type { Json, OperationError } from "./contract.ts";

export const operationNotFound = (id: string) =>
  notFound("operation_not_found", `There is no operation ${id}.`, { details: { operation: id } });

export const operationEnded = (id: string, state: string) =>
  conflict("operation_ended", `The operation ${id} has already ended: ${state}.`, { details: { operation: id, state } });

export const operationNotDead = (id: string, state: string) =>
  conflict("operation_not_retryable", `The operation ${id} is ${state}; only a failed or undone one can be run again.`, {
    details: { operation: id, state },
  });

export const stepTimedOut = (step: string, timeoutMs: number) =>
  unavailable("step_timeout", `The step ${step} did not finish within ${Math.round(timeoutMs / 1000)} s.`, { details: { timeoutMs } });

export const stepCancelled = (step: string) => conflict("cancelled", `The step ${step} was stopped because the operation was cancelled.`);

export const workerLost = (step: string, times: number) =>
  bug(
    "worker_lost",
    `The worker was lost ${times} times in the step ${step}. The step is not tried again by itself: look at the server's log, then retry.`,
  );

export const inputInvalid = (name: string, cause: unknown) =>
  bug("operation_input_invalid", `The stored input of the operation ${name} is not what this version of Norns expects. Start it anew.`, {
    cause,
  });

/** A throw that is no error of ours: its own text may hold anything, so it is for the log only. */
export const stepBroke = (step: string | undefined, cause: unknown) =>
  bug(
    "step_broke",
    `${step === undefined ? "The operation" : `The step ${step}`} failed in a way it should not. The server's log has the error under the operation's id.`,
    { cause },
  );

/** Somebody else holds the operation now (or it has ended): whatever this worker wanted to write was not written. */
export class LeaseLost extends Error {
  override readonly name = "LeaseLost";
  constructor(id: string) {
    super(`The lease of ${id} is lost.`);
  }
}

/** An error as it is stored and shown. PostgreSQL's JSON takes no NUL characters, so they are left out. */
export function toOperationError(thrown: unknown, step?: string): OperationError {
  const error = thrown instanceof NornsError ? thrown : stepBroke(step, thrown);
  return {
    kind: error.kind,
    code: error.code,
    message: clean(error.message),
    ...(step === undefined ? {} : { step }),
    ...(error.details === undefined ? {} : { details: toJson(error.details) }),
  };
}

export const clean = (text: string): string => text.replaceAll("\0", "");

// JSON.stringify drops what JSON cannot hold (functions, undefined), so what comes back is Json.
const toJson = (details: NornsError["details"]): Json => JSON.parse(clean(JSON.stringify(details))) as Json;
