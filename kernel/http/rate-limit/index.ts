export { createRateLimiter, type RateLimiter } from "./limiter.ts";
export type { RateRule } from "./rule.ts";
export { httpMigrations } from "./store.ts";
