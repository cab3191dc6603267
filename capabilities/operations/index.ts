/** The installation's durable work and its event log, of whatever room: read, followed, cancelled, retried. */
export { startedFields, startedSchema, toStarted } from "./contract.ts";
export { eventRoutes } from "./event-routes.ts";
export { followEvents } from "./policy.ts";
export { operationRoutes, type OperationRoutesDeps } from "./routes.ts";
