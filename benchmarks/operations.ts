/** Durable operations against bare graphile-worker, each in a process and a database of its own on one PostgreSQL. */
import { aPostgres } from "./database.ts";
import { atLeast, atMost, median, type Benchmark, type Row } from "./measure.ts";
import { aSide, cpuMsWithChildren } from "./processes.ts";
import type { BareOperations } from "./sides/bare-operations.ts";
import type { OurOperations } from "./sides/our-operations.ts";

const rounds = 5;
const count = 1_500;
/** Our server's own default. */
const poolSize = 10;

export const operations: Benchmark = {
  name: "operations",
  about: "durable operations of three empty steps, and how soon one begins, against bare graphile-worker",
  async run() {
    await using postgres = await aPostgres();
    await using ours = await aSide<OurOperations>("our-operations.ts");
    await using bare = await aSide<BareOperations>("bare-operations.ts");
    await ours.ask("open", { databaseUrl: await postgres.create("ours"), poolSize });
    await bare.ask("open", { databaseUrl: await postgres.create("bare") });

    const rows: Row[] = [];
    for (const { concurrency, factor } of [
      { concurrency: 10, factor: 0.65 },
      { concurrency: 50, factor: 1.3 },
    ]) {
      const figures = { ours: [] as Drained[], bare: [] as Drained[] };
      const sides = { ours, bare };
      for (let round = 0; round <= rounds; round++)
        for (const name of round % 2 === 0 ? (["ours", "bare"] as const) : (["bare", "ours"] as const)) {
          await sides[name].ask("add", { count });
          const before = await cpuMsWithChildren(postgres.pid);
          const drained = await sides[name].ask("drain", { count, concurrency });
          const databaseMs = ((await cpuMsWithChildren(postgres.pid)) - before) / count;
          if (round > 0) figures[name].push({ ...drained, databaseMs });
        }
      const of = (name: "ours" | "bare", what: keyof Drained) => median(figures[name].map((one) => one[what]));
      rows.push({
        ...atLeast(
          `operations, ${concurrency} at once`,
          of("ours", "perSecond"),
          of("bare", "perSecond"),
          factor,
          "op/s",
          `≥ ${factor} × bare graphile-worker`,
        ),
        note: `CPU-ms an operation: Node ${of("ours", "cpuMs").toFixed(3)} against ${of("bare", "cpuMs").toFixed(3)}, PostgreSQL ${of("ours", "databaseMs").toFixed(3)} against ${of("bare", "databaseMs").toFixed(3)}`,
      });
    }

    const took = { ours: [] as number[], bare: [] as number[] };
    for (let round = 0; round <= rounds; round++) {
      const [left, right] = [await ours.ask("latencies", { count: 40 }), await bare.ask("latencies", { count: 40 })];
      if (round === 0) continue;
      took.ours.push(...left);
      took.bare.push(...right);
    }
    rows.push(atMost("committed → first step running, p50", median(took.ours), median(took.bare) + 3, "ms", "≤ bare add → start + 3 ms"));
    return rows;
  },
};

interface Drained {
  readonly perSecond: number;
  readonly cpuMs: number;
  readonly databaseMs: number;
}
