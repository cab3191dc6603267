import type { RetryPolicy } from "./contract.ts";

/**
 * How often a step of each queue is tried, and how long it waits in between, unless the step says otherwise. The names
 * and numbers are the seed systems' own; `app-deployments` are deploys of apps, `deployments` those of agents.
 */
const defaults: Readonly<Record<string, RetryPolicy>> = {
  "app-deployments": { tries: 2, backoffMs: 3_000, factor: 2 },
  deployments: { tries: 5, backoffMs: 3_000, factor: 2 },
  "clawhub-jobs": { tries: 1, backoffMs: 0, factor: 1 },
  backups: { tries: 2, backoffMs: 5_000, factor: 2 },
  "alert-deliveries": { tries: 5, backoffMs: 1_000, factor: 2 },
  provision: { tries: 5, backoffMs: 3_000, factor: 2 },
};

const elsewhere: RetryPolicy = { tries: 3, backoffMs: 1_000, factor: 2 };

export const retryPolicyOf = (queue: string): RetryPolicy => defaults[queue] ?? elsewhere;
