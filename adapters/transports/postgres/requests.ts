/** Wake-ups as jobs of graphile-worker. Pure. */
import { sql, type Kysely } from "kysely";
import type { Query } from "@norns/kernel/database";
import type { Wake } from "../port.ts";

/** One job as `graphile_worker.add_jobs` takes it. */
export interface JobSpec {
  readonly identifier: string;
  readonly operation: string;
  readonly runAt: string | null;
  readonly key: string;
}

/**
 * The key merges wake-ups that wait for the same reason: a sweeper that sends one again does not make two. A wake-up
 * "now" and one for later stay apart, else the later one would put the other off.
 */
export function toJob(wake: Wake): JobSpec {
  return {
    identifier: wake.queue,
    operation: wake.operation,
    runAt: wake.at === undefined ? null : new Date(wake.at).toISOString(),
    key: wake.at === undefined ? wake.operation : `${wake.operation}@${wake.at}`,
  };
}

/**
 * One statement for any number of wake-ups. Sorted by key: two such statements that lock the same rows do so in one
 * order. A job is tried once: what became of its operation is the ledger's business, and its sweeper sends again.
 */
export function addJobs(db: Kysely<unknown>, wakes: readonly Wake[]): Query {
  const byKey = new Map(wakes.map((wake) => [toJob(wake).key, toJob(wake)]));
  const jobs = [...byKey.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
  return {
    compile: () =>
      sql`with added as (
        select * from graphile_worker.add_jobs(array(
          select row(
            given ->> 'identifier', json_build_object('operation', given ->> 'operation'), null,
            (given ->> 'runAt')::timestamptz, 1, given ->> 'key', null, null
          )::graphile_worker.job_spec
          from jsonb_array_elements(${JSON.stringify(jobs)}::jsonb) as given
        ), true)
      ) select count(*) as added from added`.compile(db),
  };
}
