/**
 * What runs operations. A transport delivers ids to `run`; the worker claims, runs the steps, saves, and lets go. It
 * holds no truth: killed at any moment, another takes over when the lease is over.
 */
import type { Clock } from "../clock/index.ts";
import { Write, type Store } from "../database/index.ts";
import { toNornsError } from "../errors/index.ts";
import type { Events } from "../events/index.ts";
import type { IdSource, NodeId, OperationId } from "../ids/index.ts";
import type { Log } from "../log/index.ts";
import { operationEnded, stepProgress } from "./announce.ts";
import { createClaims, type ClaimRequest } from "./claim.ts";
import type { Json, OperationDefinition, OperationStep } from "./contract.ts";
import { inputInvalid, LeaseLost, toOperationError } from "./errors.ts";
import { InHand } from "./in-hand.ts";
import { claimMsOf, defaultLeaseMs, resendAfterMsOf } from "./lease-times.ts";
import { createLeases } from "./leases.ts";
import { randomToken } from "./random-token.ts";
import { createRefusals } from "./refused.ts";
import { toStep } from "./rows.ts";
import { runOperation, type RunDeps } from "./run-operation.ts";
import { createSaves } from "./save.ts";
import { statement } from "./statements.ts";
import type { OperationsTable, OperationStepsTable } from "./tables.ts";
import type { Wakes } from "./wakes.ts";

export interface WorkerOptions {
  readonly store: Store;
  readonly events: Events;
  /** The transport, as far as the ledger uses it. */
  readonly transport: Wakes;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly log: Log;
  readonly definitions: readonly OperationDefinition<never>[];
  /** Operations bound to another node are left alone. */
  readonly node: NodeId;
  /** Names this worker among those of its node; it takes over its own after a restart. Default `main`. */
  readonly name?: string;
  /** Within which time a lost worker's operations are taken over. Default 30,000. */
  readonly leaseMs?: number;
  /** How long a step that is told to stop may take for it before it is left behind. Default 5,000. */
  readonly graceMs?: number;
  /** How often a worker may be lost in one step before that counts as a failure. Default 20. */
  readonly lossLimit?: number;
}

export interface Worker {
  /**
   * Claims the operation and runs it as far as it goes; returns when it has ended, waits for a retry, or is not to be
   * had. Never throws. The signal hands it back: its running step is told to stop.
   */
  run(operation: OperationId, signal: AbortSignal): Promise<void>;
  /** At start: what an earlier life of this very worker left running may be claimed at once. Returns how many. */
  takeOverOwn(): Promise<number>;
  /** How many operations it runs now. */
  readonly running: number;
}

export function createWorker(options: WorkerOptions): Worker {
  const { store, events, transport, clock, ids, log } = options;
  const leaseMs = claimMsOf(options.leaseMs ?? defaultLeaseMs);
  const resendAfterMs = resendAfterMsOf(options.leaseMs ?? defaultLeaseMs);
  const holder = `${options.node}/${options.name ?? "main"}`;
  const definitions = new Map(options.definitions.map((definition) => [definition.name, definition]));
  const claims = createClaims(store, { holder, node: options.node });
  const saves = createSaves({ store, events, wakes: transport, clock, resendAfterMs });
  const leases = createLeases({ store, clock, log, holder, leaseMs, lookMs: 500 });
  const refused = createRefusals({ store, transport, clock, node: options.node });
  const readSteps = statement<OperationStepsTable>(store.dialect, "select * from {operation_steps} where operation = ?1");
  const releaseOwn = statement<{ id: string; queue: string }>(
    store.dialect,
    "update {operations} set due_at = ?2, wake_at = ?2 where holder = ?1 and finished_at is null and due_at > ?2 returning id, queue",
  );
  let running = 0;

  const runDeps: RunDeps = {
    clock,
    log,
    graceMs: options.graceMs ?? 5_000,
    lossLimit: options.lossLimit ?? 20,
    progress(hand, step, message, metadata) {
      const write = new Write();
      events.append(write, stepProgress(hand.row, step, message, metadata));
      write
        .commit(store)
        .catch((error: unknown) => log.warn({ operation: hand.id, code: toNornsError(error).code }, "a progress event was lost"));
    },
  };

  async function claim(id: OperationId): Promise<OperationsTable | undefined> {
    const request = (): ClaimRequest => {
      const now = clock.now();
      return { id, owner: randomToken(ids), now, until: now + leaseMs };
    };
    const send = (how: (request: ClaimRequest) => Promise<OperationsTable | undefined>) => {
      const sent = request();
      return again(() => how(sent), clock);
    };
    const row = await send(claims.claim);
    if (row) return row;
    const why = await again(() => refused.explain(id), clock);
    // Timers fire a millisecond early now and then: the wake-up was too early, but it is not any more.
    if (why === "due") return send(claims.claim);
    if (why === "locked") return send(claims.claimLocked);
    return undefined;
  }

  async function takeInHand(row: OperationsTable): Promise<InHand<never> | undefined> {
    const definition = definitions.get(row.name);
    const deps = { saves, clock, leaseMs };
    if (!definition) {
      // Of another version of Norns, up- or downgraded under way: left for whoever knows it.
      const hand = new InHand(deps, row, [], placeholder(row), undefined as never);
      log.warn({ operation: row.id, name: row.name }, "an operation is not known to this version; it waits for one that knows it");
      await hand.save({ state: hand.state, handBackAt: clock.now() + leaseMs });
      return undefined;
    }
    const steps = row.epoch === 1 ? [] : await stepsOf(row);
    const parsed = definition.input.safeParse(JSON.parse(row.input) as Json);
    if (!parsed.success) {
      const hand = new InHand(deps, row, steps, definition, undefined as never);
      const error = toOperationError(inputInvalid(row.name, parsed.error));
      const state = hand.state === "undoing" ? "undo_failed" : "failed";
      await hand.save({ state, error, events: [operationEnded(row, state, error, 0)] });
      return undefined;
    }
    return new InHand(deps, row, steps, definition, parsed.data);
  }

  async function stepsOf(row: OperationsTable): Promise<OperationStep[]> {
    const [result] = await again(() => store.batch([readSteps([row.id])]), clock);
    return (result!.rows as OperationStepsTable[]).map(toStep);
  }

  async function run(id: OperationId, signal: AbortSignal): Promise<void> {
    const row = await claim(id);
    if (!row) return;
    const hand = await takeInHand(row);
    if (!hand) return;
    leases.hold(hand);
    const onAbort = () => hand.interrupt("stopping");
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      await runOperation(runDeps, hand);
    } finally {
      signal.removeEventListener("abort", onAbort);
      leases.drop(hand);
    }
  }

  return {
    async run(id, signal) {
      running++;
      try {
        await run(id, signal);
      } catch (error) {
        if (error instanceof LeaseLost) log.info({ operation: id }, "an operation was taken over by another worker");
        else {
          const trouble = toNornsError(error);
          const fields = { operation: id, code: trouble.code, error: trouble.cause ?? trouble };
          if (trouble.kind === "unavailable")
            log.warn(fields, "the database was away; the operation is taken up again when its lease is over");
          else log.error(fields, "an operation could not be carried on; it is taken up again when its lease is over");
        }
      } finally {
        running--;
      }
    },
    async takeOverOwn() {
      const [result] = await store.batch([releaseOwn([holder, clock.now()])]);
      const rows = result!.rows as { id: string; queue: string }[];
      if (rows.length > 0) await transport.send(rows.map((row) => ({ queue: row.queue, operation: row.id as OperationId })));
      return rows.length;
    },
    get running() {
      return running;
    },
  };
}

/** A few tries while the database is away: an unanswered wake-up is found by the sweeper, but later. */
async function again<T>(body: () => Promise<T>, clock: Clock): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await body();
    } catch (error) {
      if (tries === 3 || toNornsError(error).kind !== "unavailable") throw error;
      await clock.sleep(100 * tries);
    }
  }
}

const placeholder = (row: OperationsTable): OperationDefinition<never> => ({
  name: row.name,
  queue: row.queue,
  category: row.category,
  // Never read: an operation without a definition is handed back untouched.
  input: undefined as never,
  steps: [],
  announcesSteps: false,
});
