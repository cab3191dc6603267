/**
 * The ledger as the server composes it (compose/kernel.ts, compose/workers.ts): its store, events, transport and worker,
 * and one operation of three steps that do nothing. Every step leaves its record, every operation two events.
 */
import { createPostgresNotifier, openPostgres, type PostgresStore } from "@norns/adapters/stores/postgres";
import { createGraphileTransport } from "@norns/adapters/transports/postgres";
import { systemClock } from "@norns/kernel/clock";
import { migrate, Write } from "@norns/kernel/database";
import { createEvents, kernelMigrations, subject } from "@norns/kernel/events";
import { systemIdSource, type NodeId, type WorkspaceId } from "@norns/kernel/ids";
import {
  createLedger,
  createSweeper,
  createWorker,
  defineOperation,
  done,
  ledgerMigrations,
  type OperationDefinition,
} from "@norns/kernel/ledger";
import { createLog, createMask } from "@norns/kernel/log";
import { z } from "zod";
import { answerParent } from "./answer.ts";

const workspace = "ws_00000000000000000000000000" as WorkspaceId;
const node = "node_00000000000000000000000000" as NodeId;
const queue = "bench";

let onBegun = (_at: number): void => {};
let ended = 0;
let onEnded = (): void => {};

const definition = defineOperation<{ n: number }>({
  name: "bench.nothing",
  queue,
  category: "bench",
  input: z.object({ n: z.number() }),
  announcesSteps: false,
  steps: ["one", "two", "three"].map((name) => ({
    name,
    timeoutMs: 60_000,
    retry: { tries: 1, backoffMs: 0, factor: 1 },
    run: async () => {
      if (name === "one") onBegun(performance.now());
      return done();
    },
  })),
});

const closing = new AsyncDisposableStack();
let kernel: ReturnType<typeof compose> | undefined;

function compose(store: PostgresStore, url: string) {
  const log = createLog({ level: "warn", format: "json", mask: createMask(), write: (line) => void process.stderr.write(line) });
  const notifier = createPostgresNotifier({ store, log });
  closing.defer(() => notifier.close());
  const events = createEvents({ store, clock: systemClock, notifier, log });
  const transport = createGraphileTransport({ pool: store.pool, url, log });
  const shared = { store, events, transport, clock: systemClock, ids: systemIdSource, log };
  const ledger = createLedger(shared);
  return { store, transport, ledger, log, shared };
}

/** Makes tables; nothing runs yet. */
async function open({ databaseUrl, poolSize }: { databaseUrl: string; poolSize: number }): Promise<void> {
  const store = openPostgres({ url: databaseUrl, poolSize });
  closing.defer(() => store.close());
  await migrate(store, [kernelMigrations, ledgerMigrations]);
  kernel = compose(store, databaseUrl);
  await kernel.transport.install();
}

async function add({ count }: { count: number }): Promise<void> {
  for (let left = count; left > 0; left -= 100) {
    const write = new Write();
    for (let index = 0; index < Math.min(left, 100); index++) start(write);
    await write.commit(kernel!.store);
  }
}

const start = (write: Write) =>
  kernel!.ledger.start(write, { definition, input: { n: 1 }, workspace, subject: subject("app", "bench"), actor: { label: "bench" } });

async function listen(concurrency: number) {
  const { shared, transport, store, log } = kernel!;
  const worker = createWorker({ ...shared, definitions: [definition as unknown as OperationDefinition<never>], node });
  const sweeping = new AbortController();
  const sweeper = createSweeper({ store, transport, clock: systemClock, log }).run(sweeping.signal);
  const listener = await transport.listen([{ queue, concurrency }], async (operation, signal) => {
    await worker.run(operation, signal);
    ended++;
    onEnded();
  });
  return async () => {
    await listener.stop();
    sweeping.abort();
    await sweeper.catch(() => {});
  };
}

/** From the start of the runner until the last of `count` waiting operations has ended. */
async function drain({ count, concurrency }: { count: number; concurrency: number }): Promise<{ perSecond: number; cpuMs: number }> {
  ended = 0;
  const all = new Promise<void>((resolve) => (onEnded = () => ended === count && resolve()));
  const cpu = process.cpuUsage();
  const started = performance.now();
  const stop = await listen(concurrency);
  await all;
  const took = performance.now() - started;
  const { user, system } = process.cpuUsage(cpu);
  await stop();
  const { rows } = await kernel!.store.pool.query(
    "select count(*)::int as n, (select count(*)::int from kernel.operation_steps) as steps, (select count(*)::int from kernel.events) as events from kernel.operations where state = 'succeeded'",
  );
  const [{ n, steps, events }] = rows as [{ n: number; steps: number; events: number }];
  if (steps !== n * 3 || events !== n * 2) throw new Error(`${n} operations have ${steps} steps and ${events} events.`);
  const left = await kernel!.store.pool.query("select count(*)::int as n from kernel.operations where finished_at is null");
  if (left.rows[0].n !== 0) throw new Error(`${left.rows[0].n} operations have not ended.`);
  return { perSecond: (count * 1000) / took, cpuMs: (user + system) / 1000 / count };
}

/** One at a time, with a pause: committed → first step running, in milliseconds. */
async function latencies({ count }: { count: number }): Promise<number[]> {
  const stop = await listen(10);
  const took: number[] = [];
  for (let index = 0; index < count; index++) {
    const begun = new Promise<number>((resolve) => (onBegun = resolve));
    const over = new Promise<void>((resolve) => (onEnded = resolve));
    const write = new Write();
    start(write);
    await write.commit(kernel!.store);
    const committed = performance.now();
    took.push((await begun) - committed);
    await over;
    await new Promise((resolve) => setTimeout(resolve, 15));
  }
  await stop();
  return took;
}

const handlers = { open, add, drain, latencies };
export type OurOperations = typeof handlers;
answerParent(handlers, () => closing.disposeAsync());
