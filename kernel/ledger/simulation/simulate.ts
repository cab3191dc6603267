/**
 * `npm run simulate -- --seeds 10000` runs seeds 1 to 10,000 on all cores and prints what was injected, what went wrong
 * and how fast it was; `--from N` begins elsewhere. `--seed S` runs one and prints its trace. Exit code 1 when anything
 * went wrong, or, in a run of 200 seeds and more, when a class of faults was never injected.
 */
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { faultClasses, noFaults, type FaultClass, type FaultCounts } from "./faults.ts";
import { openSimulatedDatabase, runSeed } from "./run-seed.ts";

export interface Summary {
  seeds: number;
  operations: number;
  counts: FaultCounts;
  failures: { seed: number; violations: readonly string[] }[];
}

/** Runs seeds one after another in this thread, until `until` (a time) if that comes first. */
export async function simulate(seeds: Iterable<number>, until = Infinity): Promise<Summary> {
  const summary: Summary = { seeds: 0, operations: 0, counts: noFaults(), failures: [] };
  const database = await openSimulatedDatabase();
  for (const seed of seeds) {
    const result = await runSeed(seed, database);
    summary.seeds++;
    summary.operations += result.operations;
    for (const fault of classes) summary.counts[fault] += result.counts[fault];
    if (result.violations.length > 0) summary.failures.push({ seed, violations: result.violations });
    if (performance.now() >= until) break;
  }
  database.close();
  return summary;
}

const classes = Object.keys(faultClasses).map(Number) as FaultClass[];

function* every(step: number, from: number, to: number): Generator<number> {
  for (let seed = from; seed < to; seed += step) yield seed;
}

async function onAllCores(seeds: number, from: number): Promise<Summary> {
  const threads = Math.min(availableParallelism(), Math.max(1, Math.ceil(seeds / 50)));
  const parts = await Promise.all(
    Array.from({ length: threads }, (_, index) => {
      const worker = new Worker(new URL(import.meta.url), { workerData: { step: threads, from: from + index, to: from + seeds } });
      return new Promise<Summary>((resolve, reject) => worker.once("message", resolve).once("error", reject));
    }),
  );
  const total: Summary = { seeds: 0, operations: 0, counts: noFaults(), failures: [] };
  for (const part of parts) {
    total.seeds += part.seeds;
    total.operations += part.operations;
    for (const fault of classes) total.counts[fault] += part.counts[fault];
    total.failures.push(...part.failures);
  }
  return total;
}

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { seeds: { type: "string" }, seed: { type: "string" }, from: { type: "string" } } });
  if (values.seed !== undefined) {
    const database = await openSimulatedDatabase();
    const result = await runSeed(Number(values.seed), database, { trace: true });
    for (const line of result.trace) console.log(line);
    console.log(
      result.violations.length === 0 ? "no violations" : result.violations.map((violation) => `VIOLATION ${violation}`).join("\n"),
    );
    return result.violations.length === 0 ? 0 : 1;
  }
  const wanted = Number(values.seeds ?? 1_000);
  const started = performance.now();
  const summary = await onAllCores(wanted, Number(values.from ?? 1));
  const seconds = (performance.now() - started) / 1_000;
  console.log(
    `${summary.seeds} seeds, ${summary.operations} operations, ${seconds.toFixed(1)} s, ${(summary.seeds / seconds).toFixed(0)} seeds/s`,
  );
  for (const fault of classes)
    console.log(`  fault ${String(fault).padStart(2)}  ${String(summary.counts[fault]).padStart(8)}  ${faultClasses[fault]}`);
  console.log(`${summary.failures.length} seeds with violations`);
  for (const { seed, violations } of summary.failures.toSorted((a, b) => a.seed - b.seed).slice(0, 10)) {
    for (const violation of violations.slice(0, 3)) console.log(`  seed ${seed}: ${violation}`);
    console.log(`  again: npm run simulate -- --seed ${seed}`);
  }
  const missing = summary.seeds >= 200 ? classes.filter((fault) => summary.counts[fault] === 0) : [];
  for (const fault of missing) console.log(`  never injected: ${faultClasses[fault]}`);
  return summary.failures.length + missing.length === 0 ? 0 : 1;
}

if (!isMainThread && parentPort) {
  const { step, from, to } = workerData as { step: number; from: number; to: number };
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window: it has no origin
  parentPort.postMessage(await simulate(every(step, from, to)));
} else if (import.meta.main) process.exitCode = await main();
