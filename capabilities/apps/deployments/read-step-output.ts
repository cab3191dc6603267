import { readStepOutput as readJournal } from "@norns/adapters/engines/journal";
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
    // A step that is over, or will not come any more, has an end of its own; only one that may still print is waited for.
    using waiting = new StepEnd(deps, id, step, options.signal);
    const follow = options.follow && !(await waiting.isOver());
    for await (const line of readJournal({ home: deps.home, app, operation: id, step, follow, signal: waiting.signal }))
      yield "gap" in line
        ? { step, stream: "system", at: deps.clock.now(), text: `… ${line.gap.reason} …` }
        : { step, stream: line.stream, at: line.at, text: line.text };
    if (options.signal.aborted) return;
  }
}

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
        // What was printed last may not have been read yet.
        await this.#deps.clock.sleep(pollMs, signal).catch(() => {});
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
