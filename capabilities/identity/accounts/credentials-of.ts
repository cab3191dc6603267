/** What a request brings to be known by. Pure: nothing is looked up here. */
import { invalid } from "@norns/kernel/errors";
import { readSessionCookie } from "./cookies.ts";
import type { CredentialRequest } from "./contract.ts";

export interface Credentials {
  /** Sent on purpose: a token in `Authorization: Bearer`, `X-Api-Key` or `X-Nora-Api-Key`. */
  readonly explicit: string | undefined;
  /** An explicit header is there but holds nothing usable: the caller is nobody, whatever else they bring. */
  readonly isMalformed: boolean;
  /** A single-use ticket in the address of a socket. */
  readonly ticket: string | undefined;
  readonly cfAccess: string | undefined;
  /** Added by the browser by itself. */
  readonly cookie: string | undefined;
  readonly isSocket: boolean;
}

export function credentialsOf(request: CredentialRequest, options: { isSecure: boolean }): Credentials {
  const { headers } = request;
  const isSocket = headers.get("upgrade")?.toLowerCase() === "websocket";
  const authorization = headers.get("authorization");
  const bearer = authorization === null ? undefined : (/^Bearer +([\x21-\x7e]{1,4096})$/i.exec(authorization)?.[1] ?? null);
  const keys = [headers.get("x-api-key"), headers.get("x-nora-api-key")].filter((value) => value !== null);
  const given = [...(bearer === undefined ? [] : [bearer]), ...keys];
  const distinct = [...new Set(given)];
  if (distinct.length > 1)
    throw invalid(
      "conflicting_credentials",
      "Two headers name different callers: send one of Authorization, X-Api-Key and X-Nora-Api-Key.",
    );
  const explicit = distinct[0];
  return {
    explicit: explicit || undefined,
    isMalformed: given.length > 0 && !explicit,
    ticket: isSocket ? (ticketIn(request.url) ?? undefined) : undefined,
    cfAccess: headers.get("cf-access-jwt-assertion") || undefined,
    cookie: readSessionCookie(headers.get("cookie"), options.isSecure),
    isSocket,
  };
}

function ticketIn(url: string): string | null {
  const query = url.indexOf("?");
  return query < 0 ? null : new URLSearchParams(url.slice(query)).get("ticket");
}
