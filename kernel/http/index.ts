export { z } from "@hono/zod-openapi";
export { addRoute, invalidRequest, listRoutes, newRouter } from "./route.ts";
export type { Access, HttpEnv, RequestScope, RouteDefinition, RouteEntry, Router, RouteRequest } from "./route.ts";
