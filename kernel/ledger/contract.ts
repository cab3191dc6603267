/**
 * The ledger: durable operations. An operation is data; its steps are run by some worker, at least once each, and the
 * two tables `operations` and `operation_steps` are the truth. A transport only carries an operation's id to a worker.
 */
import type { z } from "zod";
import type { Actor } from "../actor/index.ts";
import type { Clock } from "../clock/index.ts";
import type { Write } from "../database/index.ts";
import type { ErrorKind } from "../errors/index.ts";
import type { Subject } from "../events/index.ts";
import type { NodeId, OperationId, WorkspaceId } from "../ids/index.ts";

/** Not over yet. */
export const activeStates = ["queued", "running", "retrying", "undoing"] as const;
export const operationStates = [...activeStates, "succeeded", "failed", "cancelled", "undone", "undo_failed"] as const;
export type OperationState = (typeof operationStates)[number];

export const stepStates = ["pending", "running", "done", "skipped", "failed", "undone"] as const;
export type StepState = (typeof stepStates)[number];

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

export interface RetryPolicy {
  /** How often the step is tried in all, the first included. */
  readonly tries: number;
  readonly backoffMs: number;
  /** Each wait is `factor` times the one before. */
  readonly factor: number;
}

export interface StepContext<Input> {
  readonly operation: {
    readonly id: OperationId;
    readonly workspace: WorkspaceId;
    readonly subject: Subject;
    readonly actor: string;
    /** 1 on the first try of this step. */
    readonly attempt: number;
    /** Raised with each claim: a fencing token for outside systems that can compare one. */
    readonly epoch: number;
    readonly createdAt: number;
  };
  readonly input: Input;
  /** Aborted when the operation is cancelled, the lease is lost, the step's time is up, or the worker stops. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** The recorded output of an earlier step of this operation; throws when that step has none. */
  outputOf<Output extends Json>(step: string): Output;
  /** Tells followers what is going on, as an event `step.progress`. Fire and forget; never needed for correctness. */
  progress(message: string, metadata?: Readonly<Record<string, string>>): void;
}

/** What a step says when it is through. `write` commits together with the step's record, fenced by the lease's epoch. */
export type StepResult = { readonly done: true; readonly output?: Json; readonly write?: Write } | { readonly skipped: string };

export const done = (output?: Json, write?: Write): StepResult => ({
  done: true,
  ...(output === undefined ? {} : { output }),
  ...(write === undefined ? {} : { write }),
});
export const skipped = (reason: string): StepResult => ({ skipped: reason });

export interface StepDefinition<Input> {
  readonly name: string;
  /** May run more than once: after a crash, a lost lease, a retry. */
  run(context: StepContext<Input>): Promise<StepResult>;
  /**
   * Asked before a repeat when an earlier try may have had its effect: returns the result when it has happened,
   * undefined when it has not. A step without a probe must be harmless to repeat.
   */
  probe?(context: StepContext<Input>): Promise<StepResult | undefined>;
  /** Takes the step back. Called for done steps, last first, and for the failing step itself. Harmless to repeat. */
  undo?(context: StepContext<Input>, output: Json | undefined): Promise<void>;
  /** Why this step is not taken back (`undo` absent): shown to the person when a later step fails. */
  readonly cannotUndo?: string;
  /** A pure step has no outside effect: its record may be buffered into the next one's commit. */
  readonly pure?: boolean;
  readonly retry?: RetryPolicy;
  readonly timeoutMs: number;
}

export interface OperationDefinition<Input> {
  /** `apps.deploy`; unique, and stored with each operation. */
  readonly name: string;
  readonly queue: string;
  readonly category: string;
  readonly input: z.ZodType<Input>;
  /** Operations with the same lock run one after another, first come first served. */
  lock?(input: Input): string | undefined;
  readonly steps: readonly StepDefinition<Input>[];
  /** True: each step's start and end is an event (`step.start`, `step.complete`, `step.failed`, `step.skipped`). */
  readonly announcesSteps: boolean;
  /** Asked when the last try of a step fails: false leaves the done steps as they are and ends `failed`. Default true. */
  readonly undoesOnFailure?: boolean;
  /**
   * Added to the very write that ends the operation, whatever the end: for rows of the room that must change with it.
   * Pure: it only adds queries and events.
   */
  onEnd?(end: OperationEnd<Input>, write: Write): void;
}

/** A definition of whatever input, as lists of them hold it: a worker parses the input with the definition's own schema. */
export type AnyOperation = OperationDefinition<never>;

export interface OperationEnd<Input> {
  readonly operation: Operation;
  readonly input: Input;
  readonly state: OperationState;
  readonly error: OperationError | undefined;
}

export interface OperationError {
  readonly kind: ErrorKind;
  readonly code: string;
  readonly message: string;
  readonly step?: string;
  readonly details?: Json;
}

export interface Operation {
  readonly id: OperationId;
  /** Order of creation; the lock's queue follows it. */
  readonly seq: number;
  readonly name: string;
  readonly queue: string;
  readonly category: string;
  readonly workspace: WorkspaceId;
  readonly subject: Subject;
  readonly lock: string | undefined;
  readonly state: OperationState;
  readonly input: Json;
  readonly actor: string;
  /** The try of the step in hand (run or undo): 1 at first, one more each time that step is tried again. */
  readonly attempt: number;
  /** One more with each claim: a write that carries an older one changes nothing. */
  readonly epoch: number;
  readonly node: NodeId | undefined;
  readonly error: OperationError | undefined;
  readonly cancelRequestedAt: number | undefined;
  readonly runAfter: number | undefined;
  readonly createdAt: number;
  readonly startedAt: number | undefined;
  readonly updatedAt: number;
  readonly finishedAt: number | undefined;
}

export interface OperationStep {
  readonly name: string;
  readonly position: number;
  readonly state: StepState;
  readonly attempt: number;
  readonly startedAt: number | undefined;
  readonly finishedAt: number | undefined;
  readonly output: Json | undefined;
  readonly error: OperationError | undefined;
  readonly skipReason: string | undefined;
}

export interface StartOptions<Input> {
  readonly definition: OperationDefinition<Input>;
  readonly input: Input;
  readonly workspace: WorkspaceId;
  readonly subject: Subject;
  readonly actor: Actor | { readonly label: string };
  /** Only workers of this node may claim it (machine-local engines). */
  readonly node?: NodeId;
  /** Not before this time. */
  readonly runAfter?: number;
  /** Given by a caller that must know the id before the commit. */
  readonly id?: OperationId;
}

export interface OperationFilter {
  readonly workspaces?: readonly WorkspaceId[];
  readonly subject?: Subject;
  readonly queue?: string;
  readonly name?: string;
  readonly states?: readonly OperationState[];
}

/** What rooms and routes use. `createWorker` (worker.ts) is what runs the steps. */
export interface Ledger {
  /** Adds the operation and its wake-up to the write; it exists exactly if the write commits. Returns its id. */
  start<Input>(write: Write, options: StartOptions<Input>): OperationId;
  find(id: OperationId): Promise<(Operation & { readonly steps: readonly OperationStep[] }) | null>;
  list(query: OperationFilter & { limit: number; cursor?: string }): Promise<{ operations: Operation[]; cursor?: string }>;
  /**
   * Asks for the end; the running step's signal aborts, done steps are undone, and it ends `cancelled`. Asking twice is
   * asking once. Conflict when it has already ended. An operation whose last step finishes first still succeeds.
   * `also` adds to the very write that asks, as an audit row does; it is not called when there is nothing to write.
   */
  cancel(id: OperationId, actor: { label: string }, also?: (write: Write) => void): Promise<void>;
  /** Runs a dead letter again from its failed step, `also` as above. Conflict unless it is `failed`, `undone` or `undo_failed`. */
  retry(id: OperationId, actor: { label: string }, also?: (write: Write) => void): Promise<void>;
  /** Failed, undone and undo_failed operations, newest first, of one queue or of all. */
  deadLetters(query: {
    queue?: string;
    workspaces?: readonly WorkspaceId[];
    limit: number;
    cursor?: string;
  }): Promise<{ operations: Operation[]; cursor?: string }>;
  /** Depth and age of every queue. */
  queues(): Promise<readonly { queue: string; queued: number; running: number; dead: number; oldestQueuedAt: number | undefined }[]>;
  /** Resolves when the operation has ended (or the signal aborts). */
  waitForEnd(id: OperationId, signal: AbortSignal): Promise<Operation>;
}
