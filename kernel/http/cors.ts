/** Pages of other origins that may call the API: an exact list, echoed one at a time, never a wildcard. */
const allowedHeaders =
  "Authorization, Content-Type, Cf-Access-Jwt-Assertion, Last-Event-ID, X-Api-Key, X-Norns-Workspace, X-Request-Id, Traceparent, Idempotency-Key";
const exposedHeaders = "Link, Retry-After, X-Request-Id, Location";

export function corsHeaders(origin: string | undefined, allowed: readonly string[]): readonly (readonly [string, string])[] {
  if (allowed.length === 0) return [];
  if (origin === undefined || !allowed.includes(origin)) return [["Vary", "Origin"]];
  return [
    ["Vary", "Origin"],
    ["Access-Control-Allow-Origin", origin],
    ["Access-Control-Allow-Credentials", "true"],
    ["Access-Control-Expose-Headers", exposedHeaders],
  ];
}

export const preflightHeaders: readonly (readonly [string, string])[] = [
  ["Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE, OPTIONS"],
  ["Access-Control-Allow-Headers", allowedHeaders],
  ["Access-Control-Max-Age", "600"],
];
