import { createHmac, randomBytes } from "node:crypto";
import { keyPrefix } from "./contract.ts";

const pattern = /^nora_[A-Za-z0-9_-]{43}$/;

/** `nora_` and 256 random bits. */
export const newKeyValue = (): string => keyPrefix + randomBytes(32).toString("base64url");

/** What cannot be a key costs no look-up. */
export const looksLikeKey = (value: string): boolean => pattern.test(value);

/** The pepper is the installation's: a copy of the table alone says nothing about any key, and cannot be used to make one. */
export const keyHmac = (value: string, pepper: string): string =>
  createHmac("sha256", pepper).update(`api key:${value}`).digest("base64url");
