/** What does the work: a listener on every queue that has operations, and the sweeper that finds what was lost. */
import { systemClock } from "@norns/kernel/clock";
import type { Config } from "@norns/kernel/config";
import { invalid } from "@norns/kernel/errors";
import { systemIdSource } from "@norns/kernel/ids";
import { createSweeper, createWorker, type OperationDefinition } from "@norns/kernel/ledger";
import type { Log } from "@norns/kernel/log";
import type { Background } from "../background.ts";
import type { Node } from "../nodes.ts";
import { takeWorkerSlot } from "../worker-slot.ts";
import type { Kernel } from "./kernel.ts";
import type { State } from "./state.ts";

export interface WorkersDeps {
  readonly config: Config;
  readonly home: string;
  readonly log: Log;
  readonly state: State;
  readonly kernel: Kernel;
  readonly node: Node;
  readonly definitions: readonly OperationDefinition<never>[];
  /** Only these; all when undefined. */
  readonly queues: readonly string[] | undefined;
  readonly background: Background;
  readonly own: AsyncDisposableStack;
}

export interface Workers {
  /** Takes nothing new; what runs until the signal is handed back, to be taken up again at the next start. */
  stop(signal: AbortSignal): Promise<void>;
}

export async function startWorkers(deps: WorkersDeps): Promise<Workers> {
  const { config, home, log, state, kernel, node, definitions, background, own } = deps;
  const { store } = state;
  const { events, transport } = kernel;
  const slot = own.use(await takeWorkerSlot(home));
  const shared = { store, transport, clock: systemClock, log, leaseMs: config.leaseMs };
  const worker = createWorker({ ...shared, events, ids: systemIdSource, definitions, node: node.id, name: slot.name });
  const taken = await worker.takeOverOwn();
  if (taken > 0) log.info({ operations: taken }, "Going on with what was under way when the server was last stopped");

  const listener = await transport.listen(
    chooseQueues(definitions, deps.queues).map((queue) => ({ queue, concurrency: concurrencyOf(queue, config) })),
    (operation, signal) => worker.run(operation, signal),
  );
  background.run("sweeper", (signal) => createSweeper(shared).run(signal));
  return { stop: (signal) => listener.stop(signal) };
}

/** Throws `invalid` / `usage` for a queue that no operation uses: a worker that waits for nothing is a mistake. */
function chooseQueues(definitions: readonly OperationDefinition<never>[], wanted: readonly string[] | undefined): string[] {
  const known = [...new Set(definitions.map((definition) => definition.queue))];
  const unknown = wanted?.filter((queue) => !known.includes(queue)) ?? [];
  if (unknown.length > 0) throw invalid("usage", `--queues names ${unknown.join(", ")}; there are ${known.join(", ")}.`);
  return wanted ? [...wanted] : known;
}

const concurrencyOf = (queue: string, config: Config): number =>
  queue === "app-deployments" ? config.deployConcurrency : config.operationConcurrency;
