import { Buffer } from "node:buffer";
import { createHmac, randomBytes } from "node:crypto";
import { invalid } from "../errors/index.ts";
import type { Brand } from "../ids/index.ts";

/** 32 bytes. Never printed: it is not a string. */
export type EncryptionKey = Brand<Uint8Array, "EncryptionKey">;

/** A new key as it is kept in a file or a variable: 64 hex digits. */
export const newEncryptionKey = (): string => randomBytes(32).toString("hex");

/**
 * The key of `ENCRYPTION_KEY`: 64 hex digits, or 32 bytes as base64 or base64url. Throws `invalid`
 * `encryption_key_invalid`, which does not show what was given.
 */
export function parseEncryptionKey(text: string): EncryptionKey {
  const given = text.trim();
  const bytes = /^[0-9a-f]{64}$/i.test(given)
    ? Buffer.from(given, "hex")
    : /^[A-Za-z0-9+/_-]{43}=?$/.test(given)
      ? Buffer.from(given.replaceAll("-", "+").replaceAll("_", "/"), "base64")
      : undefined;
  if (bytes?.length !== 32)
    throw invalid(
      "encryption_key_invalid",
      "ENCRYPTION_KEY is not a key: it must be 32 bytes, as 64 hex digits or as base64. `openssl rand -hex 32` makes one.",
    );
  return new Uint8Array(bytes) as EncryptionKey;
}

/** Names a key without telling anything of it. */
export const keyIdOf = (key: EncryptionKey): string => createHmac("sha256", key).update("norns key id").digest("hex").slice(0, 12);
