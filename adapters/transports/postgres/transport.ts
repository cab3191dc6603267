import { EventEmitter } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { Logger, run, runMigrations, type Runner, type RunnerOptions, type WorkerEvents } from "graphile-worker";
import { DummyDriver, Kysely, PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler } from "kysely";
import pg from "pg";
import { unavailable } from "@norns/kernel/errors";
import { migrationLockKey } from "@norns/kernel/database";
import type { OperationId } from "@norns/kernel/ids";
import type { Log } from "@norns/kernel/log";
import type { Listener, QueueOptions, Transport } from "../port.ts";
import { addJobs } from "./requests.ts";

export interface GraphileTransportOptions {
  /** The pool of the store that writes are committed to: wake-ups go into the same database. */
  readonly pool: pg.Pool;
  readonly url: string;
  readonly log: Log;
  /** How late a wake-up with a time may be, and how late one whose notification was lost. Default 2 s. */
  readonly pollMs?: number;
}

export interface GraphileTransport extends Transport {
  /** Makes or updates the worker's own schema, `graphile_worker`. Before the first `enlist`; harmless to repeat. */
  install(): Promise<void>;
}

/** The handler of a listener: `Transport.listen` says what it may do. */
type Handle = (operation: OperationId, signal: AbortSignal) => Promise<void>;

/** Wake-ups through PostgreSQL, by graphile-worker: enlisted ones commit with the write that they belong to. */
export function createGraphileTransport({ pool, url, log, pollMs = 2_000 }: GraphileTransportOptions): GraphileTransport {
  return {
    name: "postgres",
    async install() {
      await underMigrationLock(url, log, (ownPool) => runMigrations({ pgPool: ownPool, logger: toLogger(log) }));
    },
    enlist(write, wake) {
      write.add(addJobs(compiler, [wake]));
    },
    async send(wakes) {
      if (wakes.length === 0) return;
      const { sql, parameters } = addJobs(compiler, wakes).compile();
      await pool.query({ name: "norns_wake", text: sql, values: [...parameters] });
    },
    listen: (queues, handle) => listen({ url, log, pollMs }, queues, handle),
  };
}

/** Only compiles: the statements name their schema themselves. */
const compiler = new Kysely<unknown>({
  dialect: {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (db) => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  },
});

/**
 * A runner for each queue, because concurrency is a queue's own: in a shared one a flood of one queue would take every
 * place of the others.
 */
async function listen(
  options: { url: string; log: Log; pollMs: number },
  queues: readonly QueueOptions[],
  handle: Handle,
): Promise<Listener> {
  const { url, log } = options;
  // Each runner listens on a connection of its own and fetches and completes on another, for a moment at a time.
  // (The bound is at least the concurrency, because graphile-worker warns otherwise; connections are opened as needed.)
  const pool = openPool(url, Math.max(queues.length * 2 + 2, ...queues.map(({ concurrency }) => concurrency)), log);
  const ending = new AbortController();
  const handlers = new AbortController();
  const starts = await Promise.allSettled(queues.map((queue) => keepRunning(queue)));
  const runners = starts.flatMap((start) => (start.status === "fulfilled" ? [start.value] : []));
  const failure = starts.find((start) => start.status === "rejected");
  if (failure) {
    ending.abort();
    await Promise.all(runners.map((runner) => runner.stop()));
    await pool.end();
    throw unavailable("transport_unavailable", "The queues cannot be listened to: the database did not answer.", { cause: failure.reason });
  }
  let stopped: Promise<void> | undefined;

  async function keepRunning(queue: QueueOptions): Promise<{ stop(): Promise<void> }> {
    let runner = await retrying(() => startRunner(queue), 5);
    const supervised = (async () => {
      for (let pause = 100; ; pause = Math.min(10_000, pause * 2)) {
        await runner.promise.catch((error: unknown) => {
          if (!ending.signal.aborted) log.error({ error, queue: queue.queue }, "A queue's runner ended; starting it again");
        });
        if (ending.signal.aborted) return;
        await sleep(pause, undefined, { signal: ending.signal }).catch(() => {});
        if (ending.signal.aborted) return;
        runner = await startRunner(queue).catch((error: unknown) => {
          log.error({ error, queue: queue.queue }, "A queue's runner could not be started; trying again");
          return runner;
        });
      }
    })();
    return {
      async stop() {
        await runner.stop().catch(() => {});
        await supervised;
      },
    };
  }

  /**
   * Resolves when the runner has looked for jobs once. It looks its queue's number up at that first time and keeps the
   * answer for good, a failure too: a connection cut just then would leave it deaf. Such a runner is thrown away.
   */
  async function startRunner(queue: QueueOptions): Promise<Runner> {
    const events: WorkerEvents = new EventEmitter();
    let fail = (_reason: Error): void => {};
    const looked = new Promise<void>((resolve, reject) => {
      events.once("localQueue:getJobs:complete", () => resolve());
      fail = reject;
    });
    looked.catch(() => {});
    const runner = await run(optionsOf(queue, events, (message) => fail(new Error(message))));
    try {
      await Promise.race([looked, runner.promise]);
      return runner;
    } catch (error) {
      await runner.stop().catch(() => {});
      throw error;
    }
  }

  function optionsOf({ queue, concurrency }: QueueOptions, events: WorkerEvents, onError: (message: string) => void): RunnerOptions {
    return {
      pgPool: pool,
      logger: toLogger(log, onError),
      events,
      noHandleSignals: true,
      parsedCronItems: [],
      taskList: {
        // The payload is what `addJobs` wrote; anything else in the table is not an operation of ours.
        [queue]: async (payload) => {
          const operation = (payload as { operation?: unknown }).operation;
          if (typeof operation === "string") await handle(operation as OperationId, handlers.signal);
        },
      },
      preset: {
        worker: {
          concurrentJobs: concurrency,
          pollInterval: options.pollMs,
          // Fetched and completed many at a time: 2,679 → 22,187 jobs/s. What waits here longer than a second goes
          // back, so that a process with long operations keeps none from an idle one.
          localQueue: { size: Math.max(50, concurrency * 2), ttl: 1_000 },
          completeJobBatchDelay: 5,
          failJobBatchDelay: 5,
          // Ending running handlers is our own `stop`'s decision.
          gracefulShutdownAbortTimeout: 2_147_483_647,
        },
      },
    };
  }

  return {
    stop: (signal) =>
      (stopped ??= (async () => {
        ending.abort(new Error("The transport is being stopped."));
        const abortHandlers = (): void => handlers.abort(signal?.reason ?? new Error("The transport is being stopped."));
        if (signal?.aborted) abortHandlers();
        else signal?.addEventListener("abort", abortHandlers, { once: true });
        try {
          await Promise.all(runners.map((runner) => runner.stop()));
        } finally {
          signal?.removeEventListener("abort", abortHandlers);
          await pool.end();
        }
      })()),
  };
}

/** Up to so many times, with growing pauses: 0.1 s, 0.2 s, … */
async function retrying<T>(work: () => Promise<T>, times: number): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (attempt === times) throw error;
      await sleep(50 * 2 ** attempt);
    }
  }
}

/** A connection breaks when PostgreSQL restarts: the pool makes a new one, and without listeners the process would end. */
function openPool(url: string, max: number, log: Log): pg.Pool {
  const pool = new pg.Pool({ connectionString: url, max, keepAlive: true, application_name: "norns transport" });
  const onError = (error: Error): void => {
    // A pool that is ending closes its connections; that PostgreSQL was quicker is nothing to tell.
    if (!pool.ending) log.warn({ error }, "A connection of the transport broke; connecting again");
  };
  pool.on("error", onError);
  pool.on("connect", (client) => client.on("error", onError));
  return pool;
}

async function underMigrationLock(url: string, log: Log, work: (pool: pg.Pool) => Promise<void>): Promise<void> {
  const lock = new pg.Client({ connectionString: url });
  const pool = openPool(url, 2, log);
  await lock.connect();
  try {
    // Ends with the connection, whatever happens.
    await lock.query("select pg_advisory_lock($1)", [migrationLockKey]);
    await work(pool);
  } finally {
    await pool.end();
    await lock.end();
  }
}

/** Its "info" is one line a job: for debugging only. */
const toLogger = (log: Log, onError: (message: string) => void = () => {}): Logger =>
  new Logger(() => (level, message) => {
    if (level === "error") {
      onError(message);
      log.error({}, message);
    }
    if (level === "warning") log.warn({}, message);
    if (level === "info" || level === "debug") log.debug({}, message);
  });
