/**
 * Browsers say which page a request comes from. A write (and every socket) that a page of somebody else's origin starts
 * is refused, whatever credential the browser would add; a write that rests on a cookie must name our own origin.
 */
import { forbidden } from "../errors/index.ts";

export interface OriginFacts {
  readonly origin: string | undefined;
  /** The control plane's own scheme, host and port, as this request addressed it. */
  readonly own: string | undefined;
  readonly allowed: readonly string[];
  readonly hasCookie: boolean;
  /** A bearer token, an API key, a ticket: something a page cannot make a browser send by itself. */
  readonly hasExplicitCredential: boolean;
}

/** Throws `forbidden` / `origin_refused`. Nothing to say about requests of programs: those send no Origin and no cookie. */
export function checkOrigin({ origin, own, allowed, hasCookie, hasExplicitCredential }: OriginFacts): void {
  if (origin !== undefined && origin === own) return;
  if (origin !== undefined && !allowed.includes(origin))
    throw forbidden(
      "origin_refused",
      "A page of another origin may not do this. Allow it with NORNS_ALLOWED_ORIGINS, and send a bearer token.",
    );
  if (hasCookie && !hasExplicitCredential)
    throw forbidden(
      "origin_refused",
      "With a cookie this needs the header Origin with exactly this server's scheme, host and port. Programs send a bearer token instead.",
    );
}

export const isWrite = (method: string): boolean => method !== "GET" && method !== "HEAD" && method !== "OPTIONS";
