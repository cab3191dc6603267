import { readStepOutput as readJournal, type StepGap, type StepLine } from "@norns/adapters/engines/journal";
import type { OperationId, WorkspaceId } from "@norns/kernel/ids";
import { hasEnded } from "@norns/kernel/ledger";
import type { VerbDeps } from "./create.ts";
import type { StepOutputChunk } from "./deployments.ts";
import { deploymentNotFound } from "./errors.ts";
import { isPrinting } from "./operations/step-names.ts";

/** Any operation of an app may be asked for: a preflight has no deployment. */
export async function readStepOutput(
  deps: VerbDeps,
  workspace: WorkspaceId,
  id: OperationId,
  options: { step?: string | undefined; follow: boolean; signal: AbortSignal },
): Promise<AsyncIterable<StepOutputChunk>> {
  const operation = await deps.ledger.find(id);
  if (!operation || operation.workspace !== workspace || !operation.subject.startsWith("app:")) throw deploymentNotFound(id);
  const app = operation.subject.slice("app:".length);
  const steps = operation.steps
    .map(({ name }) => name)
    .filter((name) => isPrinting(name) && (options.step === undefined || name === options.step));
  return read(deps, app, id, steps, options);
}

async function* read(
  deps: VerbDeps,
  app: string,
  id: OperationId,
  steps: readonly string[],
  options: { follow: boolean; signal: AbortSignal },
): AsyncGenerator<StepOutputChunk> {
  for (const step of steps) {
    const from = { home: deps.home, app, operation: id, step };
    let cursor: string | undefined;
    if (options.follow) {
      // A step that is over, or will not come any more, has an end of its own; only one that may still print is waited for.
      using waiting = new StepEnd(deps, id, step, options.signal);
      if (!(await waiting.isOver()))
        for await (const line of readJournal({ ...from, follow: true, signal: waiting.signal })) {
          cursor = line.cursor;
          yield toChunk(deps, step, line);
        }
    }
    // What is there and has not been told, to its end, however slowly it is taken.
    const rest = { ...from, ...(cursor === undefined ? {} : { cursor }), follow: false, signal: options.signal };
    for await (const line of readJournal(rest)) yield toChunk(deps, step, line);
    if (options.signal.aborted) return;
  }
}

const toChunk = (deps: VerbDeps, step: string, line: StepLine | StepGap): StepOutputChunk =>
  "gap" in line
    ? { step, stream: "system", at: deps.clock.now(), text: `… ${line.gap.reason} …` }
    : { step, stream: line.stream, at: line.at, text: line.text };

const pollMs = 500;

/** Ends a follower when the step has ended without closing its output: skipped, cancelled, or its worker killed. */
class StepEnd implements Disposable {
  readonly signal: AbortSignal;
  readonly #deps: VerbDeps;
  readonly #id: OperationId;
  readonly #step: string;
  readonly #stop = new AbortController();
  readonly #end = new AbortController();

  constructor(deps: VerbDeps, id: OperationId, step: string, outer: AbortSignal) {
    this.#deps = deps;
    this.#id = id;
    this.#step = step;
    this.signal = AbortSignal.any([outer, this.#end.signal]);
    void this.#watch(AbortSignal.any([outer, this.#stop.signal]));
  }

  async isOver(): Promise<boolean> {
    const operation = await this.#deps.ledger.find(this.#id);
    // What is taken back prints nothing: its output is over before the operation is.
    if (!operation || operation.state === "undoing" || hasEnded(operation.state)) return true;
    const step = operation.steps.find(({ name }) => name === this.#step);
    return step === undefined || step.state === "done" || step.state === "skipped" || step.state === "undone";
  }

  async #watch(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const over = await this.isOver().catch(() => false);
      if (over) {
        this.#end.abort();
        return;
      }
      await this.#deps.clock.sleep(pollMs, signal).catch(() => {});
    }
  }

  [Symbol.dispose](): void {
    this.#stop.abort();
  }
}
