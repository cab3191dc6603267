/** The catalogue: which apps there are, what their infraspecs say, and what is wrong with them. */
export type { App } from "./app.ts";
export { createCatalog, type CatalogDeps } from "./create.ts";
export { catalogMigrations } from "./migrations/index.ts";
export { readApps, writeApps } from "./policy.ts";
export { catalogRoutes, type CatalogRoutesDeps } from "./routes.ts";
export type { AppChange, Catalog, NewApp, ValidationResult } from "./catalog.ts";
export {
  defaultProcessOf,
  engineOf,
  isValid,
  looksSecret,
  parseInfraspec,
  toSpecJson,
  updateOf,
  type DrainSignal,
  type EndpointSpec,
  type EngineName,
  type EnvMap,
  type Finding,
  type Infraspec,
  type ParsedInfraspec,
  type ProcessKind,
  type ProcessSpec,
  type Severity,
  type SpecJson,
  type VolumeSpec,
} from "./infraspec/index.ts";
