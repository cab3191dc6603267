/** Tokens of this room and what is kept of them. Each use has a name of its own, so that one hash is never good as another. */
import { createHash, createHmac, randomBytes, timingSafeEqual } from "node:crypto";

export const newToken = (prefix = ""): string => prefix + randomBytes(32).toString("base64url");

/** Random tokens of 256 bits need no key: nobody guesses what was hashed. */
export const tokenHash = (use: "claim" | "local" | "ticket" | "cache", token: string): string =>
  createHash("sha256").update(`${use}:${token}`).digest("base64url");

/** What stands in `sessions` for a token. The mark in front tells a stored value from a token. */
const storedMark = "hmac:";
export const sessionHmac = (token: string, secret: string): string =>
  storedMark + createHmac("sha256", secret).update(`session:${token}`).digest("base64url");
export const isStoredSession = (value: string): boolean => value.startsWith(storedMark);

/** Session tokens are Better Auth's: 32 letters and digits. */
export const looksLikeSession = (value: string): boolean => /^[A-Za-z0-9]{32}$/.test(value);

/** Equal in constant time, whatever the lengths. */
export function isSame(a: string, b: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}

/** One secret of the installation makes many: knowing one says nothing of the others. */
export const deriveSecret = (secret: string, use: string): string =>
  createHmac("sha256", secret).update(`norns identity:${use}`).digest("base64url");
