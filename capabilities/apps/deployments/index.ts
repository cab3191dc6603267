/** How a new release of an app gets into service, and back out of it. */
export type { DeploymentJson, DeploymentStatus, ReleaseJson, SagaEventJson, StatsJson, StepJson } from "./contract.ts";
export { createDeployments, type DeploymentsDeps } from "./create.ts";
export type { Deployments, DeploymentQuery, StepOutputChunk } from "./deployments.ts";
export { deploymentsSocketMessage } from "./events.ts";
export { deploymentsMigrations } from "./migrations/index.ts";
export type { DeployLimits } from "./operations/deps.ts";
export type { Upload } from "./register-archive.ts";
export type { Release } from "./release.ts";
export { deploymentsRoutes } from "./routes.ts";
