/** graphile-worker as it comes, with a task that does nothing. */
import { Logger, makeWorkerUtils, run, type Runner, type WorkerUtils } from "graphile-worker";
import { answerParent } from "./answer.ts";

const logger = new Logger(() => () => {});
let databaseUrl = "";
let utils: WorkerUtils | undefined;
let ended = 0;
let onEnded = (_at: number): void => {};

async function open(input: { databaseUrl: string }): Promise<void> {
  databaseUrl = input.databaseUrl;
  utils = await makeWorkerUtils({ connectionString: databaseUrl, logger });
  await utils.migrate();
}

async function add({ count }: { count: number }): Promise<void> {
  for (let left = count; left > 0; left -= 100)
    await utils!.addJobs(Array.from({ length: Math.min(left, 100) }, (_, n) => ({ identifier: "bench", payload: { n } })));
}

const listen = (concurrency: number): Promise<Runner> =>
  run({
    connectionString: databaseUrl,
    concurrency,
    noHandleSignals: true,
    logger,
    taskList: {
      bench: async () => {
        ended++;
        onEnded(performance.now());
      },
    },
  });

async function drain({ count, concurrency }: { count: number; concurrency: number }): Promise<{ perSecond: number; cpuMs: number }> {
  ended = 0;
  const all = new Promise<void>((resolve) => (onEnded = () => ended === count && resolve()));
  const cpu = process.cpuUsage();
  const started = performance.now();
  const runner = await listen(concurrency);
  await all;
  const took = performance.now() - started;
  const { user, system } = process.cpuUsage(cpu);
  await runner.stop();
  return { perSecond: (count * 1000) / took, cpuMs: (user + system) / 1000 / count };
}

async function latencies({ count }: { count: number }): Promise<number[]> {
  const runner = await listen(10);
  const took: number[] = [];
  for (let index = 0; index < count; index++) {
    const begun = new Promise<number>((resolve) => (onEnded = resolve));
    await utils!.addJob("bench", { n: index });
    const added = performance.now();
    took.push((await begun) - added);
    await new Promise((resolve) => setTimeout(resolve, 15));
  }
  await runner.stop();
  return took;
}

const handlers = { open, add, drain, latencies };
export type BareOperations = typeof handlers;
answerParent(handlers, async () => await utils?.release());
