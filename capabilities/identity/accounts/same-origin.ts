/**
 * Which page a browser acts for. A credential that the browser adds by itself (cookie, Cloudflare's header, open mode's
 * nothing) is good for a write or a socket only from a page of the control plane itself: the same host and the same port,
 * not another port of localhost and not an app under our name.
 */
import { forbidden } from "@norns/kernel/errors";
import { isLoopbackAddress } from "@norns/kernel/http";
import type { CredentialRequest } from "./contract.ts";

/** True when the origin's host and port are those the request was sent to. The scheme follows from them. */
export function isOwnOrigin(origin: string, host: string | null): boolean {
  if (host === null || !URL.canParse(origin)) return false;
  const { protocol, host: originHost, origin: canonical } = new URL(origin);
  if ((protocol !== "http:" && protocol !== "https:") || canonical !== origin) return false;
  const own = `${protocol}//${host.toLowerCase()}`;
  return URL.canParse(own) && new URL(own).host === originHost;
}

const changes = (method: string): boolean => !["GET", "HEAD", "OPTIONS"].includes(method.toUpperCase());

/** Throws `forbidden` `origin_refused`. */
export function requireOwnPage(request: CredentialRequest, by: "cookie" | "browser", isSocket: boolean): void {
  const origin = request.headers.get("origin");
  if (!isSocket && !changes(request.method)) return;
  if (origin !== null && isOwnOrigin(origin, request.headers.get("host"))) return;
  // A program has no page: it sends neither Origin nor what browsers say of where a request comes from.
  if (origin === null && by === "browser" && request.headers.get("sec-fetch-site") === null) return;
  throw forbidden(
    "origin_refused",
    "This may only be started by a page of this server itself. Programs send a bearer token instead of a browser's credential.",
  );
}

/** An explicit credential on a socket: a browser's page that holds one must still be ours. */
export function refuseForeignSocket(request: CredentialRequest): void {
  const origin = request.headers.get("origin");
  if (origin === null || isOwnOrigin(origin, request.headers.get("host"))) return;
  throw forbidden("origin_refused", "A page of another origin may not open this socket.");
}

/** Open mode admits programs and our own pages on this machine: not a proxy's visitors, not a page of somebody else. */
export function isLocalCaller(request: CredentialRequest, remoteAddress: string): boolean {
  if (!isLoopbackAddress(remoteAddress)) return false;
  const { headers } = request;
  if (["forwarded", "x-forwarded-for", "x-real-ip", "cf-connecting-ip"].some((name) => headers.get(name) !== null)) return false;
  const origin = headers.get("origin");
  if (origin !== null && !isOwnOrigin(origin, headers.get("host"))) return false;
  const site = headers.get("sec-fetch-site");
  return site === null || site === "same-origin" || site === "none";
}
