/** The only file that names `rate_limits`. One row a bucket; taking tokens is one statement, whatever the dialect. */
import { sql, type Kysely } from "kysely";
import type { RoomMigrations, Store } from "../../database/index.ts";
import { capacityOf, type RateRule } from "./rule.ts";

interface Tables {
  rate_limits: {
    key: string;
    /** Thousandths of a token left, as of `at`. */
    tokens: number;
    /** Thousandths given out by the last take: what RETURNING tells the taker. */
    granted: number;
    at: number;
  };
}

export interface Taken {
  /** Whole tokens, 0 to what was wanted. */
  readonly granted: number;
  /** Whole and parts of tokens left. */
  readonly left: number;
}

export const createRateStore = (store: Store) => {
  const db = store.tables<Tables>("kernel");
  return {
    /** Takes up to `wanted` tokens out of the bucket, after adding what time has brought back. */
    async take(key: string, rule: RateRule, wanted: number, now: number): Promise<Taken> {
      // Casts, since PostgreSQL must know a parameter's type inside an expression; never literals: one statement text a dialect.
      const whole = (value: number) => sql<number>`cast(${value} as bigint)`;
      const capacity = Math.round(capacityOf(rule) * 1000);
      const want = wanted * 1000;
      // A clock behind the row's adds nothing (it must not subtract either).
      const elapsed = sql<number>`(case when ${whole(now)} > rate_limits.at then ${whole(now)} - rate_limits.at else 0 end)`;
      const refilled = sql<number>`(rate_limits.tokens + cast(${elapsed} * cast(${rule.perMinute / 60} as double precision) as bigint))`;
      const available = sql<number>`(case when ${refilled} > ${whole(capacity)} then ${whole(capacity)} else ${refilled} end)`;
      const grant = sql<number>`(case when ${available} >= ${whole(want)} then ${whole(want)} else (${available} / 1000) * 1000 end)`;
      const first = Math.min(want, Math.floor(capacity / 1000) * 1000);
      const row = await db
        .insertInto("rate_limits")
        .values({ key, tokens: capacity - first, granted: first, at: now })
        .onConflict((conflict) =>
          conflict.column("key").doUpdateSet({
            tokens: sql<number>`${available} - ${grant}`,
            granted: grant,
            at: sql<number>`(case when ${whole(now)} > rate_limits.at then ${whole(now)} else rate_limits.at end)`,
          }),
        )
        .returning(["tokens", "granted"])
        .executeTakeFirstOrThrow();
      return { granted: row.granted / 1000, left: row.tokens / 1000 };
    },

    /** Buckets that nobody has touched for so long that they are full: as good as absent. */
    async forget(before: number): Promise<void> {
      await db.deleteFrom("rate_limits").where("at", "<", before).execute();
    },
  };
};

export type RateStore = ReturnType<typeof createRateStore>;

export const httpMigrations: RoomMigrations = {
  schema: "kernel",
  room: "kernel/http",
  migrations: [
    {
      id: "0001-rate-limits",
      statements: (db: Kysely<unknown>) => [
        db.schema
          .createTable("rate_limits")
          .addColumn("key", "text", (column) => column.primaryKey())
          .addColumn("tokens", "bigint", (column) => column.notNull())
          .addColumn("granted", "bigint", (column) => column.notNull())
          .addColumn("at", "bigint", (column) => column.notNull()),
        db.schema.createIndex("rate_limits_at").on("rate_limits").column("at"),
      ],
    },
  ],
};
