/**
 * The one place where an error becomes an answer. Two shapes, by path: `/api/v1/*` (platforms) nests it, everywhere else
 * it is flat, as the clients of the systems before read it.
 */
import { z } from "@hono/zod-openapi";
import { toNornsError, type NornsError } from "../errors/index.ts";
import { statusOf } from "./status.ts";

export const errorAnswer = z
  .object({
    error: z.string().openapi({ description: "What happened, to what, and what to do next." }),
    code: z.string().openapi({ description: "Stable and machine-readable.", example: "app_not_found" }),
    requestId: z.string().openapi({ description: "Leads to the server's log lines of this request." }),
    details: z.record(z.string(), z.unknown()).optional(),
  })
  .openapi("Error");

export interface RenderedError {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

/**
 * `details.retryAfterMs` of a quota or unavailable error becomes `Retry-After` in whole seconds. A bug shows nothing of
 * its inside: only the request id, which leads to the log.
 */
export function renderError(thrown: unknown, of: { path: string; requestId: string }): RenderedError {
  const error = toNornsError(thrown);
  const { code, message } = error;
  const details = error.kind === "bug" ? undefined : error.details;
  const rest = { requestId: of.requestId, ...(details ? { details } : {}) };
  return {
    status: statusOf(error),
    headers: retryAfter(error),
    body: of.path.startsWith("/api/v1/") ? { error: { code, message, ...rest } } : { error: message, code, ...rest },
  };
}

function retryAfter(error: NornsError): Record<string, string> {
  const wait = error.details?.["retryAfterMs"];
  if (typeof wait !== "number") return error.kind === "unauthenticated" ? { "WWW-Authenticate": 'Bearer realm="norns"' } : {};
  return { "Retry-After": String(Math.max(1, Math.ceil(wait / 1000))) };
}
