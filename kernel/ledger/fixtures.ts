/** A ledger on some store, with a clock that can be moved and wake-ups that are delivered when the test says so. */
import { z } from "zod";
import { systemClock, type Clock } from "../clock/index.ts";
import { Write, type Store } from "../database/index.ts";
import { createEvents, subject, type EventLog } from "../events/index.ts";
import { systemIdSource, type NodeId, type OperationId, type WorkspaceId } from "../ids/index.ts";
import { silentLog } from "../log/index.ts";
import type { Ledger, OperationDefinition, StartOptions, StepContext, StepDefinition } from "./contract.ts";
import { done } from "./contract.ts";
import { defineOperation } from "./define.ts";
import { createLedger } from "./ledger.ts";
import { createSweeper, type Sweeper } from "./sweep.ts";
import type { Wake, Wakes } from "./wakes.ts";
import { createWorker, type Worker, type WorkerOptions } from "./worker.ts";

export const aNode = "node_00000000000000000000000000" as NodeId;
export const anotherNode = "node_11111111111111111111111111" as NodeId;
export const aWorkspace = "ws_00000000000000000000000000" as WorkspaceId;
export const anInput = z.object({ n: z.number() });
export type AnInput = z.infer<typeof anInput>;

export class MovableClock implements Clock {
  #moved = 0;
  now = (): number => Date.now() + this.#moved;
  sleep = systemClock.sleep;
  move(ms: number): void {
    this.#moved += ms;
  }
}

export class Lab {
  readonly store: Store;
  readonly clock = new MovableClock();
  readonly events: EventLog;
  readonly wakes: Wake[] = [];
  readonly transport: Wakes;
  readonly ledger: Ledger;
  readonly sweeper: Sweeper;
  readonly #more: { readonly leaseMs?: number };
  readonly #started = new Set<OperationId>();

  constructor(store: Store, transport?: Wakes, more: { readonly leaseMs?: number } = {}) {
    this.store = store;
    this.#more = more;
    this.events = createEvents({ store, clock: this.clock });
    this.transport = transport ?? {
      enlist: (write, wake) => write.afterCommit(() => void this.wakes.push(wake)),
      send: async (wakes) => void this.wakes.push(...wakes),
    };
    this.ledger = createLedger(this.#deps());
    this.sweeper = createSweeper(this.#deps());
  }

  #deps = () => ({
    store: this.store,
    events: this.events,
    transport: this.transport,
    clock: this.clock,
    ids: systemIdSource,
    log: silentLog,
    ...this.#more,
  });

  worker(definitions: readonly OperationDefinition<AnInput>[], more: Partial<WorkerOptions> = {}): Worker {
    // Used only with inputs that the definition's own schema has parsed.
    return createWorker({ ...this.#deps(), definitions: definitions as unknown as OperationDefinition<never>[], node: aNode, ...more });
  }

  async start(definition: OperationDefinition<AnInput>, n = 1, more: Partial<StartOptions<AnInput>> = {}): Promise<OperationId> {
    const write = new Write();
    const id = this.ledger.start(write, {
      definition,
      input: { n },
      workspace: aWorkspace,
      subject: subject("app", "hello"),
      actor: { label: "ada" },
      ...more,
    });
    await write.commit(this.store);
    this.#started.add(id);
    return id;
  }

  /** Delivers this lab's wake-ups, and those that come of them, until there are none. Waits for those that have a time. */
  async deliver(worker: Worker): Promise<void> {
    for (let wake = this.wakes.shift(); wake; wake = this.wakes.shift()) {
      if (!this.#started.has(wake.operation)) continue; // another test's, found by the sweeper
      const waitMs = (wake.at ?? 0) - this.clock.now();
      if (waitMs > 0) await this.clock.sleep(waitMs);
      await worker.run(wake.operation, never);
    }
  }

  async stateOf(id: OperationId): Promise<string> {
    return (await this.ledger.find(id))?.state ?? "unknown";
  }

  async stepsOf(id: OperationId): Promise<Record<string, string>> {
    return Object.fromEntries((await this.ledger.find(id))!.steps.map((step) => [step.name, step.state]));
  }

  async actionsOf(id: OperationId): Promise<string[]> {
    return (await this.events.list({ operation: id, limit: 200, order: "asc" })).events.map((event) => event.action);
  }
}

/** Waits until it is so, however busy the machine is; for ever ends with the test's own limit. */
export async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await systemClock.sleep(5);
}

export const never = new AbortController().signal;

let names = 0;
/** An operation of three steps in a queue of its own; `a`, `b` and `c` unless told otherwise. */
export function anOperation(
  steps: readonly Partial<StepDefinition<AnInput>>[] = [{}, {}, {}],
  more: Partial<OperationDefinition<AnInput>> = {},
): OperationDefinition<AnInput> {
  const queue = `q-${process.pid}-${names++}`;
  return defineOperation<AnInput>({
    name: `test.${queue}`,
    queue,
    category: "deploy",
    input: anInput,
    announcesSteps: false,
    steps: steps.map((step, index) => ({ name: "abcdefgh"[index]!, timeoutMs: 10_000, retry: quick(1), run: async () => done(), ...step })),
    ...more,
  });
}

export const quick = (tries: number) => ({ tries, backoffMs: 10, factor: 1 });

/** Never ends by itself; rejects as soon as it is told to stop. */
export const untilStopped = (context: StepContext<unknown>): Promise<never> =>
  new Promise((_, reject) => {
    if (context.signal.aborted) reject(context.signal.reason);
    context.signal.addEventListener("abort", () => reject(context.signal.reason), { once: true });
  });

/** A store whose process can die: after that, no call is answered any more. `dieAfter` counts the calls that still are. */
export function mortal(store: Store, dieAfter = Infinity): Store & { die(): void } {
  let left = dieAfter;
  return {
    dialect: store.dialect,
    tables: (schema) => store.tables(schema),
    batch: (queries) => (left-- > 0 ? store.batch(queries) : new Promise(() => {})),
    die: () => void (left = 0),
  };
}

/** A promise to be settled from outside. */
export function aGate(): { readonly opened: Promise<void>; open(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { opened: promise, open: resolve };
}
