export * from "./contract.ts";
export { defineOperation } from "./define.ts";
export { createLedger, type LedgerOptions } from "./ledger.ts";
export { createWorker, defaultLeaseMs, type Worker, type WorkerOptions } from "./worker.ts";
export { createSweeper, type Sweeper, type SweeperOptions } from "./sweep.ts";
export { ledgerMigrations } from "./migrations/index.ts";
export { retryPolicyOf } from "./queues.ts";
export { deadStates, endStates, hasEnded, isDead } from "./rules.ts";
export type { Wake, Wakes } from "./wakes.ts";
