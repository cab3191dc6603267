/**
 * Cloudflare Access: the edge signs who came, we verify all of it: signature by the team's published keys, issuer,
 * audience, expiry. A header that is there proves nothing.
 */
import type { createLocalJWKSet, JSONWebKeySet } from "jose";
import type { Clock } from "@norns/kernel/clock";
import { unavailable } from "@norns/kernel/errors";

export interface CfAccessDeps {
  readonly teamDomain: string;
  readonly audience: string;
  readonly fetch: (url: string, init: { signal: AbortSignal }) => Promise<Response>;
  readonly clock: Clock;
}

export interface CfAccess {
  /** The address the edge vouches for, lower case; null for a token that does not hold. Throws `unavailable` when the keys cannot be had. */
  verify(token: string): Promise<{ email: string; expiresAt: number } | null>;
}

const keepKeysMs = 10 * 60_000;
/** A token with an unknown key makes us look again, but not more often than this. */
const askAgainMs = 30_000;
/** Keys that could not be renewed are believed this long. */
const staleMs = 6 * 3_600_000;
const timeoutMs = 5_000;
const mostKeysBytes = 256 * 1024;

/** Loaded on first use: most installations have no Cloudflare in front. */
const loadJose = () => import("jose");

export function createCfAccess({ teamDomain, audience, fetch, clock }: CfAccessDeps): CfAccess {
  const issuer = `https://${teamDomain.replace(/^https:\/\//, "").replace(/\/+$/, "")}`;
  let keys: { set: ReturnType<typeof createLocalJWKSet>; at: number } | undefined;
  let askedAt = -Infinity;
  let asking: Promise<void> | undefined;

  const ask = async (): Promise<void> => {
    askedAt = clock.now();
    const response = await fetch(`${issuer}/cdn-cgi/access/certs`, { signal: AbortSignal.timeout(timeoutMs) });
    if (!response.ok) throw new Error(`${issuer} answered ${response.status}`);
    const text = await response.text();
    if (text.length > mostKeysBytes) throw new Error("the answer is too long for keys");
    const jose = await loadJose();
    keys = { set: jose.createLocalJWKSet(JSON.parse(text) as JSONWebKeySet), at: clock.now() };
  };

  const renew = async (): Promise<void> => {
    asking ??= ask().finally(() => (asking = undefined));
    try {
      await asking;
    } catch (cause) {
      if (!keys || clock.now() - keys.at > staleMs)
        throw unavailable(
          "cf_access_unreachable",
          `The keys of Cloudflare Access (${issuer}) cannot be read, so nobody can be let in by it now. Try again in a minute.`,
          { cause },
        );
    }
  };

  const isOld = (): boolean => keys === undefined || clock.now() - keys.at > keepKeysMs || clock.now() < keys.at;
  const mayAsk = (): boolean => clock.now() - askedAt > askAgainMs || clock.now() < askedAt;

  const check = async (token: string): Promise<{ email: string; expiresAt: number } | null | "unknown key"> => {
    const { errors, jwtVerify } = await loadJose();
    try {
      const { payload } = await jwtVerify(token, keys!.set, {
        issuer,
        audience,
        algorithms: ["RS256", "ES256"],
        requiredClaims: ["exp", "iat"],
        currentDate: new Date(clock.now()),
      });
      const { email, exp } = payload;
      if (typeof email !== "string" || email === "") return null;
      return { email: email.toLowerCase(), expiresAt: exp! * 1_000 };
    } catch (error) {
      if (error instanceof errors.JWKSNoMatchingKey) return "unknown key";
      // Everything else that jose says is "not a good token"; a fault of ours is not to be read as one.
      if (error instanceof errors.JOSEError) return null;
      throw error;
    }
  };

  return {
    async verify(token) {
      if (token.length > 8_192 || token.split(".").length !== 3) return null;
      if (isOld() && (keys === undefined || mayAsk())) await renew();
      const first = await check(token);
      if (first !== "unknown key") return first;
      if (!mayAsk()) return null;
      await renew();
      const second = await check(token);
      return second === "unknown key" ? null : second;
    },
  };
}
