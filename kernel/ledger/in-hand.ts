/**
 * An operation that this worker holds: what is known of it, what has happened since the last save, and the save itself.
 * Records and events gather here and go out with the next save, so that the end of the last step is part of the
 * operation's end, and pure steps cost no commit of their own.
 */
import type { Clock } from "../clock/index.ts";
import type { Write } from "../database/index.ts";
import { bug } from "../errors/index.ts";
import type { NewEvent } from "../events/index.ts";
import type { OperationId } from "../ids/index.ts";
import { stepEvent, type StepNews } from "./announce.ts";
import type {
  Operation,
  OperationDefinition,
  OperationError,
  OperationState,
  OperationStep,
  StepDefinition,
  StepState,
} from "./contract.ts";
import type { Interruption, Lease } from "./leases.ts";
import { hasEnded, mayBecome, mayHaveRun, type Position } from "./rules.ts";
import { toOperation } from "./rows.ts";
import type { Saves, StepRecord } from "./save.ts";
import type { OperationsTable } from "./tables.ts";
import type { Wake } from "./wakes.ts";

export interface SaveWith {
  readonly state: OperationState;
  readonly step?: string;
  readonly attempt?: number;
  /** Hands it back, to be claimed again at this time. */
  readonly handBackAt?: number;
  readonly undoingFor?: "failure" | "cancel" | undefined;
  /** Given and undefined: there is none any more. Left out: as it was. */
  readonly error?: OperationError | undefined;
  readonly write?: Write | undefined;
  readonly makeWrite?: (() => Write) | undefined;
  readonly events?: readonly NewEvent[];
}

export class InHand<Input> implements Lease {
  readonly row: OperationsTable;
  readonly definition: OperationDefinition<Input>;
  readonly input: Input;
  until: number;
  state: "running" | "undoing";
  undoingFor: "failure" | "cancel" | undefined;
  error: OperationError | undefined;
  cancelRequested: boolean;
  attempt: number;
  /** The step that `attempt` counts. */
  stepInHand: string | null;
  interruption: Interruption | undefined;
  readonly steps: Map<string, OperationStep>;
  readonly #begun = new Set<string>();
  readonly #deps: { saves: Saves; clock: Clock; leaseMs: number };
  readonly #listeners = new Set<(why: Interruption) => void>();
  #revision: number;
  #lastRevision: number;
  #unsaved = new Map<string, StepRecord>();
  #events: NewEvent[] = [];

  constructor(
    deps: { saves: Saves; clock: Clock; leaseMs: number },
    row: OperationsTable,
    steps: readonly OperationStep[],
    definition: OperationDefinition<Input>,
    input: Input,
  ) {
    this.#deps = deps;
    this.row = row;
    this.definition = definition;
    this.input = input;
    this.until = row.due_at!;
    this.state = row.state === "undoing" ? "undoing" : "running";
    this.undoingFor = row.undoing_for ?? undefined;
    this.error = row.error === null ? undefined : toOperation(row).error;
    this.cancelRequested = row.cancel_requested_at !== null;
    this.attempt = row.attempt;
    this.stepInHand = row.step;
    this.steps = new Map(steps.map((step) => [step.name, step]));
    this.#revision = row.revision;
    this.#lastRevision = row.revision;
    if (this.mayHaveRunBefore && this.state === "running")
      for (const step of mayHaveRun(definition, this.#states())) this.#begun.add(step.name);
  }

  get id(): OperationId {
    return this.row.id as OperationId;
  }
  get epoch(): number {
    return this.row.epoch;
  }
  get owner(): string {
    return this.row.owner!;
  }
  get operation(): Operation {
    return toOperation(this.row);
  }

  /** Somebody claimed it before: a step without a record may still have had its effect. */
  get mayHaveRunBefore(): boolean {
    return this.row.epoch > 1;
  }

  get position(): Position {
    const states = this.#states();
    for (const name of this.#begun) if ((states.get(name) ?? "pending") === "pending") states.set(name, "failed");
    return { state: this.state, undoingFor: this.undoingFor, cancelRequested: this.cancelRequested, steps: states };
  }

  #states(): Map<string, StepState> {
    return new Map([...this.steps.values()].map((step) => [step.name, step.state]));
  }

  interrupt(why: Interruption): void {
    if (why === "cancelled") {
      if (this.cancelRequested) return;
      this.cancelRequested = true;
      if (this.state === "undoing") return;
    } else if (this.interruption !== "lost") this.interruption = why;
    for (const listener of this.#listeners) listener(why);
  }

  onInterrupt(listener: (why: Interruption) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Which try of this step this is. */
  attemptOf(step: StepDefinition<Input>): number {
    return this.stepInHand === step.name ? this.attempt : 1;
  }

  begin(step: StepDefinition<Input>): void {
    this.#begun.add(step.name);
  }

  /** Notes what became of a step; written with the next save. */
  record(step: StepDefinition<Input>, is: Partial<OperationStep> & { state: StepState }): void {
    const before = this.steps.get(step.name);
    const position = this.definition.steps.indexOf(step);
    const blank = { attempt: 0, startedAt: undefined, output: undefined, error: undefined, skipReason: undefined };
    const now = this.#deps.clock.now();
    const record = { ...blank, ...before, ...is, name: step.name, position, finishedAt: now };
    this.steps.set(step.name, record);
    this.#unsaved.set(step.name, { ...record, output: record.output === undefined ? undefined : JSON.stringify(record.output) });
  }

  /** Takes a note back that could not be saved. */
  forget(step: StepDefinition<Input>, before: OperationStep | undefined): void {
    if (before) this.steps.set(step.name, before);
    else this.steps.delete(step.name);
    this.#unsaved.delete(step.name);
    this.#events = this.#events.filter((event) => event.metadata?.["step"] !== step.name || event.action === "step.start");
  }

  announce(action: Parameters<typeof stepEvent>[1], step: StepDefinition<Input>, news: Partial<StepNews> & { attempt: number }): void {
    if (!this.definition.announcesSteps) return;
    const index = this.definition.steps.indexOf(step);
    this.#events.push(stepEvent(this.row, action, { step: step.name, index, total: this.definition.steps.length, ...news }));
  }

  /** Writes all that has gathered, fenced. Throws LeaseLost when the operation is no longer ours. */
  async save(to: SaveWith): Promise<void> {
    if (!mayBecome(this.state, to.state) && !(to.handBackAt !== undefined && to.state === this.state))
      throw bug("operation_transition", `An operation cannot go from ${this.state} to ${to.state}.`);
    const now = this.#deps.clock.now();
    const ended = hasEnded(to.state);
    const steps = [...this.#unsaved.values()];
    const gathered = this.#events;
    const error = "error" in to ? to.error : this.error;
    const dueAt = ended ? null : (to.handBackAt ?? now + this.#deps.leaseMs);
    const wake: Wake = {
      queue: this.row.queue,
      operation: this.id,
      ...(to.handBackAt !== undefined && to.handBackAt > now ? { at: to.handBackAt } : {}),
    };
    const saved = await this.#deps.saves.save(
      {
        id: this.id,
        epoch: this.epoch,
        owner: this.owner,
        revision: this.#revision,
        nextRevision: () => ++this.#lastRevision,
        state: to.state,
        step: to.step ?? this.stepInHand,
        attempt: to.attempt ?? this.attempt,
        holds: !ended && to.handBackAt === undefined,
        dueAt,
        error,
        undoingFor: to.undoingFor ?? this.undoingFor,
        now,
        steps,
        events: [...gathered, ...(to.events ?? [])],
        wakes: to.handBackAt === undefined ? [] : [wake],
        releases: ended && this.row.lock !== null ? this.row.lock : undefined,
        write: to.write,
        makeWrite: to.makeWrite,
      },
      this.until,
    );
    this.#revision = saved.revision;
    for (const step of steps) if (this.#unsaved.get(step.name) === step) this.#unsaved.delete(step.name);
    this.#events = this.#events.slice(gathered.length);
    this.state = to.state === "undoing" ? "undoing" : "running";
    this.stepInHand = to.step ?? this.stepInHand;
    this.attempt = to.attempt ?? this.attempt;
    this.undoingFor = to.undoingFor ?? this.undoingFor;
    this.error = error;
    if (dueAt !== null) this.until = dueAt;
    if (saved.cancelRequested) this.interrupt("cancelled");
  }
}
