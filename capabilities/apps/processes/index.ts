/** What runs and what should: status, restart, scale, logs, and the watcher that keeps the two the same. */
export type { Evidence, HealthWait, Verdict } from "./health/await-healthy.ts";
export type { Allocation, AppStatus } from "./contract.ts";
export { createProcesses, type ProcessesDeps } from "./create.ts";
export type { CurrentRelease } from "./desired/current-release.ts";
export { drainMsOf } from "./routing/drain.ts";
export { processesSocketMessage, type SocketMessage } from "./events.ts";
export { processesMigrations } from "./migrations/index.ts";
export { appLock } from "./operations.ts";
export type { Engines, HealthTurn, LogFilter, Processes, Scales } from "./processes.ts";
export { processesRoutes } from "./routes.ts";
export { hostnamesOf, type Hostname } from "./routing/hostnames.ts";
export { environmentOf, toWorkload } from "./desired/workload.ts";
