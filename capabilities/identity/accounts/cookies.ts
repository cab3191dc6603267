/**
 * The session cookie: host-only, HttpOnly, SameSite=Strict. Over https its name begins with `__Host-`, which makes the
 * browser refuse it from a sub-domain or from http: a deployed app under our name cannot plant one.
 */
export const secureCookieName = "__Host-norns";
export const plainCookieName = "norns";

export function sessionCookie(token: string, { isSecure, maxAgeSeconds }: { isSecure: boolean; maxAgeSeconds: number }): string {
  const name = isSecure ? secureCookieName : plainCookieName;
  return `${name}=${token}; Path=/; Max-Age=${maxAgeSeconds}; HttpOnly; SameSite=Strict${isSecure ? "; Secure" : ""}`;
}

export const endedCookie = (isSecure: boolean): string => sessionCookie("", { isSecure, maxAgeSeconds: 0 });

/** The token in the request's cookie. The plain name counts only where a secure one could not have been set. */
export function readSessionCookie(header: string | null, isSecure: boolean): string | undefined {
  if (!header) return undefined;
  const wanted = isSecure ? secureCookieName : plainCookieName;
  const values = header
    .split(";")
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${wanted}=`))
    .map((pair) => pair.slice(wanted.length + 1));
  // Two of one name: one of them was planted, and which one cannot be known.
  return values.length === 1 && values[0] !== "" ? values[0] : undefined;
}
